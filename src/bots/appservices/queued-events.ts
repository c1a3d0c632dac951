import type { Appservice } from '../../accounts/appservices/appservice.ts'
import type { Reader } from '../../db/database.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import type { Room, StoredEvent } from '../../rooms/types.ts'
import { strippedState } from '../../sync/invited-room.ts'
import { createYielder } from '../../util/async.ts'
import { isOwnUser } from './interest.ts'
import { listQueuedEvents } from './store-queued-events.ts'

/** A page of the queue as a transaction holds it. */
export interface EventPage {
  /** In the order of the stream. */
  readonly events: readonly JsonObject[]
  /** Those that came and went, with their rooms. */
  readonly members: readonly MemberEvent[]
  /** The position of the last of them; undefined where there are none. */
  readonly upTo: number | undefined
}

export interface MemberEvent {
  readonly room: Room
  readonly event: StoredEvent
}

/** The specification sets no limit. Common libraries take requests of 5 MB, of which some is for what is no event. */
const maxEvents = 100
const maxBytes = 2 * 1024 * 1024

/** The oldest events that wait for the service: as many as one transaction holds, or all up to the end of one that is fixed. */
export async function loadEvents(
  reads: RoomReads,
  reader: Reader,
  service: Appservice,
  upTo?: number,
): Promise<EventPage> {
  const rows = await listQueuedEvents(reader, service.id, upTo ?? Number.MAX_SAFE_INTEGER, maxEvents)
  const stored = await reads.events(
    reader,
    rows.map((row) => row.event_nid),
  )
  const rooms = new Map<number, Room | undefined>()
  const page: { events: JsonObject[]; members: MemberEvent[]; upTo: number | undefined } = {
    events: [],
    members: [],
    upTo: undefined,
  }
  let bytes = 0
  const pause = createYielder()
  for (const { event_nid: nid, stream_pos: position } of rows) {
    await pause()
    const event = stored.get(nid)
    if (event !== undefined && !rooms.has(event.roomNid))
      rooms.set(event.roomNid, await reads.roomByNid(reader, event.roomNid))
    const room = event && rooms.get(event.roomNid)
    if (event !== undefined && room !== undefined) {
      const formatted = await format(reads, reader, service, room, event)
      bytes += Buffer.byteLength(JSON.stringify(formatted))
      if (upTo === undefined && bytes > maxBytes && page.events.length > 0) break
      page.events.push(formatted)
      if (event.pdu.type === 'm.room.member') page.members.push({ room, event })
    }
    page.upTo = position
  }
  return page
}

/** As clients see it, and with an invitation of a user of the service what the room looks like from outside. */
async function format(
  reads: RoomReads,
  reader: Reader,
  service: Appservice,
  room: Room,
  event: StoredEvent,
): Promise<JsonObject> {
  const [formatted] = await reads.clientEvents.formatAll(reader, room, [event])
  const { pdu } = event
  const plain: JsonObject = { ...formatted }
  if (pdu.type !== 'm.room.member' || membershipOf(pdu) !== 'invite' || !isOwnUser(service, pdu.state_key)) {
    return plain
  }
  const row = await reads.membership(reader, room.nid, pdu.state_key ?? '')
  if (row?.event_nid !== event.nid) return plain
  const invited = await strippedState({ reads }, reader, room, row)
  return { ...plain, unsigned: { ...Object(plain.unsigned), invite_room_state: invited } }
}
