import type { Database } from '../../db/database.ts'
import { prevEventIds } from '../../matrix/event-references.ts'
import type { RoomId } from '../../matrix/ids.ts'
import type { TimerClock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { LocalMembers } from '../local-members.ts'
import type { Placer } from './placer.ts'
import { sortByReferences } from './sort-events.ts'
import { deleteStaged, getNextRetry, listStaged, postponeStaged, type StagedEvent } from './store-staged.ts'

/** What became of an event for which others had to be fetched. */
export type Completion =
  | 'done'
  /** What it needs cannot be had, and asking again would change nothing. */
  | 'hopeless'
  /** Servers could not be reached. */
  | 'later'

interface Deps {
  readonly db: Database
  readonly clock: TimerClock
  readonly log: Log
  readonly placer: Placer
  readonly localMembers: Pick<LocalMembers, 'of'>
  /** Fetches what a staged event refers to, and places it all. */
  readonly complete: (roomId: RoomId, event: StagedEvent) => Promise<Completion>
  readonly wake: (roomId: RoomId) => void
}

const page = 50
const firstDelay = 15_000
const maxAttempts = 8

/** Works through what is staged for one room. Resolves when nothing is due; what is due later wakes the room again. */
export function createRoomQueue(deps: Deps): (roomId: RoomId, signal: AbortSignal) => Promise<void> {
  const { db, clock, log, placer, localMembers, complete, wake } = deps

  const drop = (event: StagedEvent, reason: string) => {
    log.info({ eventId: event.eventId, origin: event.origin, reason }, 'dropped an event')
    return db.write('drop an event', (tx) => deleteStaged(tx, event.nid))
  }

  async function postpone(event: StagedEvent, reason: string): Promise<void> {
    const attempts = event.attempts + 1
    if (attempts >= maxAttempts) return drop(event, reason)
    const retryAt = clock.now() + firstDelay * 2 ** event.attempts
    await db.write('postpone an event', (tx) => postponeStaged(tx, event.nid, attempts, retryAt))
  }

  /** Places events up to the first that needs others, and says which that is. */
  async function placeSome(roomId: RoomId, events: readonly StagedEvent[]) {
    const byId = new Map(events.map((event) => [event.eventId, event]))
    const outcomes = await placer.place({
      roomId,
      candidates: events.map((event) => ({ event })),
      settle: async (tx, { event }) => {
        const staged = byId.get(event.eventId)
        if (staged !== undefined) await deleteStaged(tx, staged.nid)
      },
    })
    const settled = outcomes.filter(({ kind }) => kind !== 'missing').length
    const stuck = outcomes.at(-1)?.kind === 'missing' ? events[settled] : undefined
    return { settled, stuck }
  }

  async function workOn(roomId: RoomId, event: StagedEvent): Promise<void> {
    const completion = await complete(roomId, event)
    if (completion === 'hopeless') await drop(event, 'what comes before it cannot be had')
    else if (completion === 'later') await postpone(event, 'the servers that have what comes before it do not answer')
  }

  async function workPage(roomId: RoomId, staged: readonly StagedEvent[], signal: AbortSignal): Promise<void> {
    let rest: readonly StagedEvent[] = sortByReferences(staged, ({ pdu }) => prevEventIds(pdu))
    let together = page
    for (let [first] = rest; first !== undefined && !signal.aborted; [first] = rest) {
      try {
        const { settled, stuck } = await placeSome(roomId, rest.slice(0, together))
        if (settled === 0 && stuck === undefined) throw new Error('nothing has become of it')
        rest = rest.slice(settled)
        if (stuck !== undefined) await workOn(roomId, stuck)
        if (stuck !== undefined) rest = rest.slice(1)
      } catch (error) {
        if (signal.aborted) return
        if (together > 1) {
          // One by one it shows which of them it is.
          together = 1
          continue
        }
        log.error({ err: error, roomId, eventId: first.eventId }, 'an event could not be worked through')
        await postpone(first, String(error))
        rest = rest.slice(1)
      }
    }
  }

  return async (roomId, signal) => {
    while (!signal.aborted) {
      const staged = await db.read((reader) => listStaged(reader, roomId, clock.now(), page))
      if (staged.length === 0) break
      if ((await localMembers.of(roomId)).size > 0) await workPage(roomId, staged, signal)
      else for (const event of staged) await drop(event, 'nobody here is in the room any more')
    }
    const retryAt = await db.read((reader) => getNextRetry(reader, roomId))
    if (retryAt !== undefined && !signal.aborted) clock.after(retryAt - clock.now(), () => wake(roomId))
  }
}
