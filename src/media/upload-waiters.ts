import type { TimerClock } from '../util/clock.ts'

/** Downloads that wait for an upload to finish. */
export interface UploadWaiters {
  /** Resolves when the media is uploaded, after `ms`, or when the signal aborts. */
  wait(mediaNid: number, ms: number, signal: AbortSignal): Promise<void>
  wake(mediaNid: number): void
}

export function createUploadWaiters(clock: TimerClock): UploadWaiters {
  const waiting = new Map<number, Set<() => void>>()
  return {
    wait: (mediaNid, ms, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve()
        const finish = () => {
          cancelTimer()
          signal.removeEventListener('abort', finish)
          const group = waiting.get(mediaNid)
          group?.delete(finish)
          if (group?.size === 0) waiting.delete(mediaNid)
          resolve()
        }
        const cancelTimer = clock.after(ms, finish)
        signal.addEventListener('abort', finish, { once: true })
        const group = waiting.get(mediaNid) ?? new Set()
        waiting.set(mediaNid, group.add(finish))
      }),
    wake: (mediaNid) => {
      for (const finish of [...(waiting.get(mediaNid) ?? [])]) finish()
    },
  }
}
