import type { Streams } from '../../db/streams.ts'
import { createYielder } from '../../util/async.ts'
import type { TimerClock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { LocalMembers } from '../local-members.ts'
import type { JoinedRooms } from './joined-rooms.ts'

/** Wakes those who wait for news of somebody, bounded: whoever is passed over sees it with the next answer. */
export interface PresenceWaker {
  changed(userId: string): void
  stop(): void
}

/** Presence wakes at most once in this time, in ms. */
const interval = 1000
/** And at most this many users. */
const maxWoken = 200
/** Rooms with more members are not worth a wake-up. */
const largestRoom = 100

interface Deps {
  readonly clock: TimerClock
  readonly streams: Pick<Streams, 'wake'>
  readonly log: Log
  readonly joined: Pick<JoinedRooms, 'of'>
  readonly localMembers: Pick<LocalMembers, 'of'>
}

export function createPresenceWaker({ clock, streams, log, joined, localMembers }: Deps): PresenceWaker {
  let changed = new Set<string>()
  let cancel: (() => void) | undefined
  let last = Number.NEGATIVE_INFINITY

  /** The people around one user, without the user, whose clients know. */
  async function collect(userId: string, woken: Set<string>): Promise<void> {
    const pause = createYielder()
    for (const roomId of await joined.of(userId)) {
      await pause()
      const members = await localMembers.of(roomId)
      if (members.size > largestRoom) continue
      for (const member of members) {
        if (woken.size >= maxWoken) return
        if (member !== userId) woken.add(member)
      }
    }
  }

  async function wake(): Promise<void> {
    cancel = undefined
    last = clock.now()
    const users = changed
    changed = new Set()
    const woken = new Set<string>()
    for (const userId of users) if (woken.size < maxWoken) await collect(userId, woken)
    if (woken.size > 0) streams.wake({ users: [...woken] })
  }

  const tryWake = () => wake().catch((error: unknown) => log.warn({ err: error }, 'nobody was woken for presence'))

  return {
    changed: (userId) => {
      changed.add(userId)
      const wait = last + interval - clock.now()
      if (wait > 0) cancel ??= clock.after(wait, () => void tryWake())
      else if (changed.size === 1) void tryWake()
    },
    stop: () => cancel?.(),
  }
}
