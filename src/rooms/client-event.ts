import type { Reader } from '../db/database.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { EventId, UserId } from '../matrix/ids.ts'
import { redact } from '../matrix/redact.ts'
import type { Clock } from '../util/clock.ts'
import type { Erasures } from './erasure/erasures.ts'
import { redactsOf } from './redactions.ts'
import type { RoomView } from './room-view.ts'
import { stickyParts, stickyUnsigned } from './sticky/sticky-unsigned.ts'
import { getEventById } from './store-events.ts'
import type { Room, StoredEvent } from './types.ts'
import type { Visibility } from './visibility.ts'

/** For whom events are written out. */
export interface Audience {
  readonly userId: UserId
  /** Devices see the transaction ids of their own requests. */
  readonly deviceId: string | undefined
}

/** An event in client format; `room_id`, `state_key` and `redacts` where the event has them. */
export type ClientEvent = JsonObject & {
  type: string
  event_id: EventId
  sender: UserId
  origin_server_ts: number
  content: JsonObject
}

/** What a bundle hook adds to `unsigned` of a page of events, such as aggregations under `m.relations`. */
export type Bundler = (
  reader: Reader,
  room: Room,
  events: readonly StoredEvent[],
  audience: Audience,
  isIn: boolean,
) => Promise<ReadonlyMap<EventId, JsonObject>>

interface FormatOptions {
  readonly omitRoomId?: boolean
  /** Whether the user is known to be in the room now, which saves a look. */
  readonly isIn?: boolean
  /** False where the user is told of all children by themselves, so that nothing is bundled. */
  readonly bundled?: boolean
}

export interface ClientEvents {
  /** Events as clients see them: https://spec.matrix.org/v1.19/client-server-api/#room-event-format */
  format(
    reader: Reader,
    room: Room,
    events: readonly StoredEvent[],
    audience: Audience,
    options?: FormatOptions,
  ): Promise<ClientEvent[]>
  /** The same for those who may know everything, such as application services; nothing is bundled. */
  formatAll(reader: Reader, room: Room, events: readonly StoredEvent[]): Promise<ClientEvent[]>
}

interface Deps {
  readonly clock: Clock
  readonly view: RoomView
  readonly visibility: Visibility
  readonly bundlers: readonly Bundler[]
  readonly erasures: Erasures
}

/** The event without `unsigned`; `redacts` stands in both places, where old and new clients look for it. */
export function toPlainClientEvent(room: Pick<Room, 'roomId' | 'rules'>, event: StoredEvent): ClientEvent {
  const { type, sender, content, origin_server_ts, state_key } = event.pdu
  const redacts = type === 'm.room.redaction' ? redactsOf(event.pdu, room.rules) : undefined
  return {
    content: redacts === undefined ? content : { ...content, redacts },
    event_id: event.eventId,
    origin_server_ts,
    room_id: room.roomId,
    sender,
    ...(state_key === undefined ? {} : { state_key }),
    type,
    ...(redacts === undefined ? {} : { redacts }),
    ...stickyParts(event),
  }
}

function redacted(room: Pick<Room, 'rules'>, event: StoredEvent): StoredEvent {
  return { ...event, pdu: redact(event.pdu, room.rules) }
}

/** The id is everybody's to know, the content only theirs who may see the event. */
function describeReplaced({ eventId, pdu }: StoredEvent, isKnown: boolean): JsonObject {
  return isKnown
    ? { prev_content: pdu.content, prev_sender: pdu.sender, replaces_state: eventId }
    : { replaces_state: eventId }
}

export function createClientEvents(deps: Deps): ClientEvents {
  const { clock, view, visibility, erasures } = deps

  /** The state that each of the events replaced, by the number of the event. */
  async function replacedBy(reader: Reader, events: readonly StoredEvent[]): Promise<Map<number, StoredEvent>> {
    const replaced = new Map<number, StoredEvent>()
    for (const { nid, beforeNid, pdu } of events) {
      if (pdu.state_key === undefined || beforeNid === undefined) continue
      const previous = await view.entry(reader, beforeNid, pdu.type, pdu.state_key)
      if (previous !== undefined) replaced.set(nid, previous)
    }
    return replaced
  }

  /** Those of the replaced events whose content the user may know: what one was oneself, everybody does. */
  async function knownContents(
    reader: Reader,
    room: Room,
    replaced: ReadonlyMap<number, StoredEvent>,
    { userId }: Audience,
    isIn: boolean,
  ): Promise<ReadonlySet<StoredEvent>> {
    const isOwn = ({ pdu }: StoredEvent) => pdu.type === 'm.room.member' && pdu.state_key === userId
    const others = [...replaced.values()].filter((event) => !isOwn(event))
    const seen = await visibility.filter(reader, room, userId, others, isIn)
    const hidden = await erasures.hidden(reader, room, userId, seen)
    const visible = seen.filter(({ nid }) => !hidden.has(nid))
    return new Set([...visible, ...[...replaced.values()].filter(isOwn)])
  }

  /** Clients learn from the redaction that there is one; its reason is only for those who may see it. */
  async function redactedBecause(
    reader: Reader,
    room: Room,
    event: StoredEvent,
    mayKnow: (redaction: StoredEvent) => Promise<boolean>,
  ): Promise<JsonObject> {
    if (event.redactedBy === undefined) return {}
    const redaction = await getEventById(reader, event.redactedBy)
    if (redaction === undefined) return {}
    const plain: ClientEvent = { ...toPlainClientEvent(room, redaction), unsigned: ageOf(redaction) }
    if (!(await mayKnow(redaction))) plain.content = plain.redacts === undefined ? {} : { redacts: plain.redacts }
    return { redacted_because: plain, redacted_by: event.redactedBy }
  }

  const ageOf = (event: StoredEvent): JsonObject => ({ age: clock.now() - event.pdu.origin_server_ts })

  return {
    format: async (reader, room, given, audience, { omitRoomId = false, isIn = false, bundled = true } = {}) => {
      const hidden = await erasures.hidden(reader, room, audience.userId, given)
      const events =
        hidden.size === 0 ? given : given.map((event) => (hidden.has(event.nid) ? redacted(room, event) : event))
      const memberships = new Map<number | undefined, string>()
      const replaced = await replacedBy(reader, events)
      const known = await knownContents(reader, room, replaced, audience, isIn)
      const mayKnow = async (redaction: StoredEvent) =>
        (await visibility.filter(reader, room, audience.userId, [redaction], isIn)).length > 0
      const bundles: ReadonlyMap<EventId, JsonObject>[] = []
      for (const bundle of bundled ? deps.bundlers : []) {
        bundles.push(await bundle(reader, room, events, audience, isIn))
      }
      const sticky = await stickyUnsigned(reader, events, clock.now())
      const formatted: ClientEvent[] = []
      for (const event of events) {
        let membership = memberships.get(event.stateNid)
        if (membership === undefined) {
          membership = await visibility.membershipAt(reader, audience.userId, event.stateNid)
          memberships.set(event.stateNid, membership)
        }
        const unsigned: JsonObject = { ...ageOf(event), membership, ...sticky.get(event.nid) }
        const previous = replaced.get(event.nid)
        if (previous !== undefined) Object.assign(unsigned, describeReplaced(previous, known.has(previous)))
        if (event.redactedBy !== undefined) Object.assign(unsigned, await redactedBecause(reader, room, event, mayKnow))
        const own = event.txnId !== undefined && event.pdu.sender === audience.userId
        if (own && event.txnDevice === audience.deviceId) unsigned.transaction_id = event.txnId
        if (event.delayId !== undefined && event.pdu.sender === audience.userId) {
          unsigned['org.matrix.msc4140.delay_id'] = unsigned.delay_id = event.delayId
        }
        for (const bundle of bundles) Object.assign(unsigned, bundle.get(event.eventId))
        if (hidden.has(event.nid)) delete unsigned['m.relations']
        const plain = toPlainClientEvent(room, event)
        if (omitRoomId) delete plain.room_id
        formatted.push({ ...plain, unsigned })
      }
      return formatted
    },
    formatAll: async (reader, room, events) => {
      const replaced = await replacedBy(reader, events)
      const sticky = await stickyUnsigned(reader, events, clock.now())
      const formatted: ClientEvent[] = []
      for (const event of events) {
        const previous = replaced.get(event.nid)
        const unsigned = {
          ...ageOf(event),
          ...sticky.get(event.nid),
          ...(previous === undefined ? {} : describeReplaced(previous, true)),
          ...(await redactedBecause(reader, room, event, async () => true)),
        }
        formatted.push({ ...toPlainClientEvent(room, event), unsigned })
      }
      return formatted
    },
  }
}
