import type { Database, Tx } from '../../db/database.ts'
import type { Keyring } from '../../federation/client/ports.ts'
import { isJsonObject } from '../../matrix/auth-state.ts'
import type { IdentifiedPdu, Json, Pdu } from '../../matrix/event.ts'
import type { EventId, RoomId, ServerName } from '../../matrix/ids.ts'
import { isServerAllowed } from '../../matrix/server-acl.ts'
import { createYielder } from '../../util/async.ts'
import type { LocalMembers } from '../local-members.ts'
import type { RoomView } from '../room-view.ts'
import { getRoom } from '../store-rooms.ts'
import type { Room } from '../types.ts'
import type { Receipt } from './ports.ts'
import { malformedIdOf, readPdu } from './read-pdu.ts'
import { listPlaces } from './store-places.ts'
import { countFreeToStage, insertStaged, listStagedByIds } from './store-staged.ts'
import { verifyEvents } from './verify.ts'

interface Deps {
  readonly db: Database
  readonly keyring: Pick<Keyring, 'verifyEvents'>
  readonly view: RoomView
  readonly localMembers: Pick<LocalMembers, 'of'>
  /** Called after the commit with rooms for which something was staged. */
  readonly wake: (roomId: RoomId) => void
}

const noEvents: ReadonlySet<EventId> = new Set()

interface Opened {
  readonly room: Room
  readonly acl: Pdu | undefined
}

/** Takes the events of a transaction: what is well-formed, signed and of a room that we are in is on disk when it resolves. */
export function createReceive(deps: Deps): (origin: ServerName, pdus: readonly Json[]) => Promise<Receipt[]> {
  const { db, keyring, view, localMembers, wake } = deps

  /** The room with its ACL; undefined where nobody of ours is in it. */
  async function open(roomId: string): Promise<Opened | undefined> {
    if ((await localMembers.of(roomId)).size === 0) return undefined
    return db.read(async (reader) => {
      const room = await getRoom(reader, roomId)
      if (room?.stateNid === undefined) return undefined
      return { room, acl: (await view.entry(reader, room.stateNid, 'm.room.server_acl', ''))?.pdu }
    })
  }

  async function receiveInRoom(origin: ServerName, { room, acl }: Opened, pdus: readonly Json[]): Promise<Receipt[]> {
    const receipts: Receipt[] = []
    const wellFormed: IdentifiedPdu[] = []
    // It is about who may speak to this server: what others pass on is part of their history, which must not have holes.
    const isKeptOut = !isServerAllowed(acl, origin)
    const pause = createYielder()
    for (const json of pdus) {
      await pause()
      const result = readPdu(json, room.rules, room.roomId)
      const { event } = result
      if (event === undefined) {
        const eventId = malformedIdOf(json, room.rules)
        if (eventId !== undefined && !result.ok) receipts.push({ eventId, error: result.reason })
        continue
      }
      const error = !result.ok ? result.reason : isKeptOut ? 'the room keeps the server out' : undefined
      if (error === undefined) wellFormed.push(event)
      else receipts.push({ eventId: event.eventId, error })
    }
    const places = await db.read((reader) =>
      listPlaces(
        reader,
        wellFormed.map(({ eventId }) => eventId),
      ),
    )
    const isNew = ({ eventId }: IdentifiedPdu) => places.get(eventId)?.stateNid === undefined
    const known = wellFormed.filter((event) => !isNew(event))
    receipts.push(...known.map(({ eventId }) => ({ eventId, error: undefined })))
    return [...receipts, ...(await stage(origin, room, wellFormed.filter(isNew)))]
  }

  async function stage(origin: ServerName, room: Room, events: readonly IdentifiedPdu[]): Promise<Receipt[]> {
    if (events.length === 0) return []
    const usable = await verifyEvents(keyring, room.rules, events)
    const good = usable.filter((event) => event !== undefined)
    const refused = good.length === 0 ? noEvents : await write(origin, room.roomId, good)
    return events.map(({ eventId }, index) => {
      if (usable[index] === undefined) return { eventId, error: 'a signature is missing or wrong' }
      return { eventId, error: refused.has(eventId) ? 'too many events of your server wait for others' : undefined }
    })
  }

  /** Returns those for which there is no room. */
  function write(origin: ServerName, roomId: RoomId, events: readonly IdentifiedPdu[]): Promise<ReadonlySet<EventId>> {
    return db.write('stage events', async (tx) => {
      const left = await countFreeToStage(tx, roomId, origin)
      const taken = left >= events.length ? events : await selectTaken(tx, roomId, events, left)
      for (const event of taken) await insertStaged(tx, roomId, origin, event)
      tx.afterCommit(() => wake(roomId))
      if (taken === events) return noEvents
      const ids = new Set(taken.map(({ eventId }) => eventId))
      return new Set(events.flatMap(({ eventId }) => (ids.has(eventId) ? [] : eventId)))
    })
  }

  /** Those that are staged already, which go on, and as many others as there is room for. */
  async function selectTaken(tx: Tx, roomId: RoomId, events: readonly IdentifiedPdu[], left: number) {
    const staged = await listStagedByIds(
      tx,
      roomId,
      events.map(({ eventId }) => eventId),
    )
    const known = new Set(staged.map(({ eventId }) => eventId))
    let room = left
    return events.filter(({ eventId }) => known.has(eventId) || room-- > 0)
  }

  return async (origin, pdus) => {
    const byRoom = new Map<string, Json[]>()
    for (const pdu of pdus) {
      const roomId = isJsonObject(pdu) ? pdu.room_id : undefined
      if (typeof roomId !== 'string') continue
      const list = byRoom.get(roomId) ?? []
      list.push(pdu)
      byRoom.set(roomId, list)
    }
    const receipts: Receipt[] = []
    for (const [roomId, list] of byRoom) {
      const opened = await open(roomId)
      // Without the room its version is not known, and without that not the id of the event.
      if (opened !== undefined) receipts.push(...(await receiveInRoom(origin, opened, list)))
    }
    return receipts
  }
}
