import type { Database } from '../../db/database.ts'
import { prevEventIds } from '../../matrix/event-references.ts'
import type { RoomId } from '../../matrix/ids.ts'
import type { TimerClock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { LocalMembers } from '../local-members.ts'
import type { Completions } from './completions.ts'
import type { Placer } from './placer.ts'
import { sortByReferences } from './sort-events.ts'
import { deleteStaged, getNextRetry, listStaged, type StagedEvent } from './store-staged.ts'

interface Deps {
  readonly db: Database
  readonly clock: TimerClock
  readonly log: Log
  readonly placer: Placer
  readonly localMembers: Pick<LocalMembers, 'of'>
  readonly completions: Completions
  readonly wake: (roomId: RoomId) => void
}

const page = 50

/** Works through what is staged for one room. Resolves when nothing is due; what is due later wakes the room again. */
export function createRoomQueue(deps: Deps): (roomId: RoomId, signal: AbortSignal) => Promise<void> {
  const { db, clock, log, placer, localMembers, completions, wake } = deps

  /** By room: ends the wait for what is due later. */
  const timers = new Map<RoomId, () => void>()

  /** Places events up to the first that needs others, and says which that is. */
  async function placeSome(roomId: RoomId, events: readonly StagedEvent[]) {
    const byId = new Map(events.map((event) => [event.eventId, event]))
    const outcomes = await placer.place({
      roomId,
      candidates: events.map((event) => ({ event })),
      settle: async (tx, { event }) => {
        const staged = byId.get(event.eventId)
        if (staged !== undefined) await deleteStaged(tx, staged)
      },
    })
    if (outcomes.length === 0) throw new Error('nothing has become of it')
    const stuck = outcomes.at(-1)?.kind === 'missing' ? events[outcomes.length - 1] : undefined
    return { looked: outcomes.length, stuck }
  }

  async function workPage(roomId: RoomId, staged: readonly StagedEvent[], signal: AbortSignal): Promise<void> {
    let rest: readonly StagedEvent[] = sortByReferences(staged, ({ pdu }) => prevEventIds(pdu))
    let together = page
    for (let [first] = rest; first !== undefined && !signal.aborted; [first] = rest) {
      try {
        const { looked, stuck } = await placeSome(roomId, rest.slice(0, together))
        rest = rest.slice(looked)
        if (stuck !== undefined) await completions.add(roomId, stuck)
      } catch (error) {
        if (signal.aborted) return
        if (together === 1) {
          log.error({ err: error, roomId, eventId: first.eventId }, 'an event could not be worked through')
          await completions.postpone(first, String(error))
          rest = rest.slice(1)
        }
        // One by one it shows which of them it is.
        together = 1
      }
    }
  }

  return async (roomId, signal) => {
    while (!signal.aborted) {
      const staged = await db.read((reader) => listStaged(reader, roomId, clock.now(), page))
      if (staged.length === 0) break
      if ((await localMembers.of(roomId)).size > 0) await workPage(roomId, staged, signal)
      else for (const event of staged) await completions.drop(event, 'nobody here is in the room any more')
    }
    if (signal.aborted) return
    const retryAt = await db.read((reader) => getNextRetry(reader, roomId))
    timers.get(roomId)?.()
    timers.delete(roomId)
    if (retryAt !== undefined)
      timers.set(
        roomId,
        clock.after(retryAt - clock.now(), () => wake(roomId)),
      )
  }
}
