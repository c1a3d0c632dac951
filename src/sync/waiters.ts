import type { Advance } from '../db/streams.ts'

/** One request that waits. `woken` resolves with true when something may be new, false when time is up. */
export interface Watch {
  wait(ms: number, signal: AbortSignal): Promise<boolean>
  stop(): void
}

export interface Waiters {
  /** From this moment on everything that concerns the user wakes the watch, also before `wait` is called. */
  watch(userId: string): Watch
  wakeUsers(userIds: Iterable<string>): void
  wakeAll(): void
  /** How many requests are being watched for. */
  readonly size: number
}

interface Entry {
  woken: boolean
  wake: (() => void) | undefined
}

export function createWaiters(): Waiters {
  const byUser = new Map<string, Set<Entry>>()

  function remove(userId: string, entry: Entry): void {
    const entries = byUser.get(userId)
    entries?.delete(entry)
    if (entries?.size === 0) byUser.delete(userId)
  }

  function wait(entry: Entry, ms: number, signal: AbortSignal): Promise<boolean> {
    if (entry.woken) {
      entry.woken = false
      return Promise.resolve(true)
    }
    if (signal.aborted) return Promise.resolve(false)
    return new Promise((resolve) => {
      const finish = (woken: boolean) => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
        entry.wake = undefined
        entry.woken = false
        resolve(woken)
      }
      const onAbort = () => finish(false)
      const timer = setTimeout(() => finish(false), ms)
      signal.addEventListener('abort', onAbort, { once: true })
      entry.wake = () => finish(true)
    })
  }

  function wake(entries: Iterable<Entry>): void {
    for (const entry of entries) {
      entry.woken = true
      entry.wake?.()
    }
  }

  return {
    watch: (userId) => {
      const entry: Entry = { woken: false, wake: undefined }
      const entries = byUser.get(userId)
      if (entries === undefined) byUser.set(userId, new Set([entry]))
      else entries.add(entry)
      return {
        wait: (ms, signal) => wait(entry, ms, signal),
        stop: () => remove(userId, entry),
      }
    },
    wakeUsers: (userIds) => {
      for (const userId of userIds) wake(byUser.get(userId) ?? [])
    },
    wakeAll: () => {
      for (const entries of byUser.values()) wake(entries)
    },
    get size() {
      return byUser.size
    },
  }
}

/** Who has to look again after an advance: the users it names and the local members of the rooms it names. */
export async function usersToWake(
  advance: Advance,
  localJoined: (roomId: string) => Promise<ReadonlySet<string>>,
): Promise<Set<string>> {
  const users = new Set(advance.users)
  for (const roomId of advance.rooms ?? []) {
    for (const userId of await localJoined(roomId)) users.add(userId)
  }
  return users
}
