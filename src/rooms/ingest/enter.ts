import type { Database, Tx } from '../../db/database.ts'
import type { Streams } from '../../db/streams.ts'
import type { Keyring } from '../../federation/client/ports.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import { errors } from '../../matrix/errors.ts'
import { hasUserIdShape, type ServerName, serverOf } from '../../matrix/ids.ts'
import { createYielder } from '../../util/async.ts'
import type { EventCache } from '../event-cache.ts'
import type { LocalMembers } from '../local-members.ts'
import { fillJob } from '../partial/fill-state.ts'
import { deletePartialRoom, insertPartialRoom } from '../partial/store-partial.ts'
import { type CurrentChange, writeCurrentState } from '../persist/finish-batch.ts'
import { buildState } from '../state-builder.ts'
import type { States } from '../states.ts'
import { getRoom, insertRoom } from '../store-rooms.ts'
import type { Room, StateNids, StoredEvent } from '../types.ts'
import { readClaimedState } from './claimed-state.ts'
import type { Outcome } from './outcomes.ts'
import type { Outliers } from './outliers.ts'
import type { Placer } from './placer.ts'
import type { RoomEntry } from './ports.ts'
import { readPdu } from './read-pdu.ts'
import type { RoomTurn } from './room-turn.ts'
import { listCurrentEntries } from './store-current.ts'
import { verifyEvents } from './verify.ts'

interface Deps {
  readonly db: Database
  readonly jobs: Pick<Jobs, 'enqueue'>
  readonly streams: Streams
  readonly keyring: Pick<Keyring, 'verifyEvents'>
  readonly serverName: ServerName
  readonly localMembers: Pick<LocalMembers, 'of'>
  readonly states: States
  readonly events: EventCache
  readonly outliers: Outliers
  readonly placer: Placer
}

const page = 250
const unusable = (why: string) => errors.unknown(502, `The room cannot be joined: ${why}`)

/** Stores rooms that users of ours have joined through other servers; see `Ingest.enter`. */
export function createEnter(deps: Deps): (entry: RoomEntry) => Promise<void> {
  const { db, jobs, streams, keyring, serverName, localMembers, events, outliers, placer } = deps

  const requireRoom = ({ roomId, rules }: RoomEntry): Promise<Room> =>
    db.write('enter a room', async (tx) => {
      if ((await getRoom(tx, roomId)) === undefined) await insertRoom(tx, roomId, rules.version)
      const room = await getRoom(tx, roomId)
      if (room?.rules.version !== rules.version) throw unusable('its version is not the one that we know')
      return room
    })

  async function requireJoin({ rules, roomId, event }: RoomEntry) {
    const { unsigned: _unsigned, ...pdu } = event.pdu
    const read = readPdu({ ...pdu } as never, rules, roomId)
    if (!read.ok) throw unusable(read.reason)
    const [usable] = await verifyEvents(keyring, rules, [read.event])
    if (usable === undefined) throw unusable('our join is not signed by all who must')
    return usable
  }

  /** What the state makes of the entries of a current state that may be there from before. */
  async function listEntryChanges(room: Room, state: StateNids): Promise<CurrentChange[]> {
    const stale = await db.read((reader) => listCurrentEntries(reader, room.nid))
    const changes: CurrentChange[] = []
    const streamPos = streams.position()
    const nids = [...state.values()]
    const pause = createYielder()
    for (let from = 0; from < nids.length; from += page) {
      await pause()
      const part = nids.slice(from, from + page)
      const found = await db.read((reader) => events.list(reader, part))
      for (const event of found.values()) {
        const { type, state_key: stateKey = '' } = event.pdu
        stale.delete(`${type}\0${stateKey}`)
        changes.push({ type, stateKey, event, streamPos })
      }
    }
    const gone = [...stale.values()]
    const goneNids = gone.map(({ eventNid }) => eventNid)
    const before = await db.read((reader) => events.list(reader, goneNids))
    for (const { type, stateKey, eventNid } of gone) {
      changes.push({ type, stateKey, event: undefined, before: before.get(eventNid), streamPos })
    }
    return changes
  }

  const isLocalMember = ({ type, stateKey }: CurrentChange) =>
    type === 'm.room.member' && hasUserIdShape(stateKey) && serverOf(stateKey) === serverName

  /** Writes what nobody here looks at before the join is written. */
  async function prepareCurrentState(room: Room, changes: readonly CurrentChange[]): Promise<void> {
    for (let from = 0; from < changes.length; from += page) {
      const part = changes.slice(from, from + page)
      await db.write('write a state', (tx) => writeCurrentState(deps, tx, room, part))
    }
  }

  /** The entries that are about users of ours, with the join itself, at its place in the stream. */
  function ownChanges(changes: readonly CurrentChange[], join: StoredEvent): CurrentChange[] {
    const { type, state_key: stateKey = '' } = join.pdu
    const streamPos = join.streamPos ?? 0
    const others = changes.filter((change) => change.type !== type || change.stateKey !== stateKey)
    return [...others.map((change) => ({ ...change, streamPos })), { type, stateKey, event: join, streamPos }]
  }

  return async (entry) => {
    const join = await requireJoin(entry)
    const room = await requireRoom(entry)
    const { known, ids } = await outliers.store(room, [...entry.authChain, ...entry.state])
    const state = await readClaimedState(deps, ids.slice(entry.authChain.length), known)
    if (state.createId === undefined) throw unusable('its create event is missing or wrong')
    const claimedNid = await buildState(db, room.nid, state.nids)
    const isResident = (await localMembers.of(entry.roomId)).size > 0 && room.stateNid !== undefined
    const all = isResident ? [] : await listEntryChanges(room, state.nids)
    const prepared = all.filter((change) => !isLocalMember(change))
    await prepareCurrentState(room, prepared)
    const { namedServers } = entry
    const finish = async (tx: Tx, turn: RoomTurn, [outcome]: readonly Outcome[]) => {
      if (outcome?.kind !== 'placed' || isResident) return turn.finish()
      const changes = ownChanges(all.filter(isLocalMember), outcome.event)
      await deletePartialRoom(tx, room.nid)
      if (namedServers !== undefined) {
        const { resident } = entry
        const partial = { roomNid: room.nid, joinNid: outcome.event.nid, baseNid: claimedNid, resident }
        await insertPartialRoom(tx, { ...partial, servers: namedServers })
        await jobs.enqueue(tx, fillJob, { room_id: entry.roomId }, { key: entry.roomId })
      }
      await turn.finish({ changes, prepared, namedServers })
    }
    const place = isResident ? {} : ({ place: 'entry', isPartial: namedServers !== undefined } as const)
    const candidate = { event: join, claimedNid, isStrict: true, ...place }
    const [outcome] = await placer.place({ roomId: entry.roomId, candidates: [candidate], finish })
    requirePlaced(outcome)
  }
}

function requirePlaced(outcome: Outcome | undefined): void {
  if (outcome?.kind === 'placed' || outcome?.kind === 'known') return
  if (outcome?.kind === 'refused') throw unusable(outcome.reason)
  throw unusable('what authorises our join is missing')
}
