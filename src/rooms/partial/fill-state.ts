import type { Database } from '../../db/database.ts'
import type { JobHandler, Jobs } from '../../jobs/jobs.ts'
import { prevEventIds } from '../../matrix/event-references.ts'
import type { ServerName } from '../../matrix/ids.ts'
import type { Log } from '../../util/log.ts'
import type { SharedLock } from '../../util/shared-lock.ts'
import { fetchState, type StateFetchDeps } from '../ingest/gaps/fetch-state.ts'
import { RoomSource, type SourceDeps } from '../ingest/gaps/room-source.ts'
import type { PersistDeps } from '../persist/deps.ts'
import { type CurrentChange, writeCurrentState } from '../persist/finish-batch.ts'
import { buildState } from '../state-builder.ts'
import { isAnybodyHere } from '../store-members.ts'
import { getRoom } from '../store-rooms.ts'
import type { Room, StateNids } from '../types.ts'
import { Replay, type ReplayDeps } from './replay.ts'
import { getCurrentNid, getPartialRoom, giveUpPartialRoom, listWithState, type PartialRoom } from './store-partial.ts'
import { createSwitchOver } from './switch-over.ts'

/** Fetches the members of a room that was entered without them. */
export const fillJob = 'rooms.fill state'

export interface FillDeps extends PersistDeps, ReplayDeps, SourceDeps, StateFetchDeps {
  readonly db: Database
  readonly jobs: Pick<Jobs, 'handle'>
  readonly serverName: ServerName
  readonly log: Log
  readonly stateLock: Pick<SharedLock, 'shared'>
  /** What waits for the room may be looked at again. */
  readonly wake: (room: Room) => Promise<void>
}

const page = 250
/** So many rooms are filled at a time: a server that answers slowly holds up its own rooms. */
const roomsAtOnce = 4
/** One try may take so many ms of asking before the room waits for its next turn. */
const longestTry = 15 * 60_000
/** So many servers are asked before the job waits for its next turn. */
const mostServers = 8
/** States before events at the far side of gaps that are asked for, at most. */
const mostGaps = 20

/**
 * Has the rest of the state of rooms fetched that were entered without their members: it is written beside what is
 * there, a page at a time; then all that has happened since the entry gets its states anew, and the room is whole.
 */
export function handleFills(deps: FillDeps): void {
  const { db, jobs, states, log } = deps
  const switchOver = createSwitchOver(deps)

  /** The whole state before our join. */
  async function fetchBase(source: RoomSource, { joinNid, baseNid }: PartialRoom): Promise<number | undefined> {
    const join = await db.read((reader) => deps.events.get(reader, joinNid))
    const toldNid = join && (await fetchState(deps, source, join.eventId, undefined))
    if (toldNid === undefined) return undefined
    const told = await db.read((reader) => states.load(reader, toldNid))
    const mine = await db.read((reader) => states.load(reader, baseNid))
    // What we have checked and shown stands; the others add to it.
    return buildState(db, source.room.nid, new Map([...told, ...mine]))
  }

  /** Writes who is in the room beside those of whom it is known. Returns all that the room has gained. */
  async function writeMembers(room: Room, state: StateNids, mine: StateNids): Promise<CurrentChange[]> {
    const nids = [...state].flatMap(([key, nid]) => (mine.get(key) === nid ? [] : nid))
    const gained: CurrentChange[] = []
    for (let from = 0; from < nids.length; from += page) {
      const found = await db.read((reader) => deps.events.list(reader, nids.slice(from, from + page)))
      const written = await db.write('write members', async (tx) => {
        const streamPos = await deps.streams.allocate(tx, 1)
        const changes: CurrentChange[] = []
        const known: CurrentChange[] = []
        for (const event of found.values()) {
          const { type, state_key: stateKey = '' } = event.pdu
          const currentNid = await getCurrentNid(tx, { roomNid: room.nid, type, stateKey })
          const change = { type, stateKey, event, streamPos }
          if (currentNid === event.nid) known.push(change)
          else if (currentNid === undefined) changes.push(change)
        }
        await writeCurrentState(deps, tx, room, changes)
        return [...known, ...changes]
      })
      gained.push(...written)
    }
    return gained
  }

  /** The states before events of which not all that comes before is here, which were only guessed until now. */
  async function fetchClaims(source: RoomSource, joinNid: number, stateNid: number): Promise<Map<number, number>> {
    const claimed = new Map<number, number>()
    const events = await db.read(async (reader) => {
      const found = await deps.events.list(reader, await listWithState(reader, source.room.nid))
      return [...found.values()]
    })
    const here = new Set(events.map(({ eventId }) => eventId))
    const open = events.filter(({ nid, pdu }) => nid !== joinNid && prevEventIds(pdu).some((id) => !here.has(id)))
    for (const { nid, eventId } of open.slice(0, mostGaps)) {
      const told = await fetchState(deps, source, eventId, stateNid)
      if (told !== undefined) claimed.set(nid, told)
    }
    return claimed
  }

  async function fill(room: Room, partial: PartialRoom, signal: AbortSignal): Promise<boolean> {
    const { joinNid, baseNid } = partial
    const limit = AbortSignal.any([signal, AbortSignal.timeout(longestTry)])
    const source = new RoomSource(deps, room, { first: partial.resident, others: mostServers, signal: limit })
    const stateNid = await fetchBase(source, partial)
    if (stateNid === undefined) return false
    const [whole, mine] = await db.read(async (reader) => [
      await states.load(reader, stateNid),
      await states.load(reader, baseNid),
    ])
    const prepared = await writeMembers(room, whole, mine)
    const claimed = await fetchClaims(source, joinNid, stateNid)
    await switchOver(room.roomId, new Replay(deps, { joinNid, stateNid, claimed }), { whole, prepared })
    return true
  }

  async function work(roomId: string, signal: AbortSignal): Promise<void> {
    const found = await db.read(async (reader) => {
      const room = await getRoom(reader, roomId)
      const partial = room && (await getPartialRoom(reader, room.nid))
      return room && partial && { room, partial, isHere: await isAnybodyHere(reader, room.nid) }
    })
    if (found?.room.isPartial !== true) return
    const { room, partial, isHere } = found
    if (!isHere) await db.write('give a room up', (tx) => giveUpPartialRoom(tx, room.nid))
    else if (!(await fill(room, partial, signal))) throw new Error(`no server tells who is in ${room.roomId}`)
    else log.info({ roomId: room.roomId }, 'the members of a room have arrived')
    await deps.wake(room)
  }
  const handler: JobHandler = ({ room_id: id }, signal) => {
    // The payload is ours.
    const roomId = id as string
    return deps.stateLock.shared(roomId, () => work(roomId, signal))
  }
  jobs.handle(fillJob, handler, { atOnce: roomsAtOnce })
}
