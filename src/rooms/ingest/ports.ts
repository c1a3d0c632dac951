import type { IdentifiedPdu, Json, Pdu } from '../../matrix/event.ts'
import type { EventId, RoomId, ServerName } from '../../matrix/ids.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'
import type { StoredEvent } from '../types.ts'

/** A room as a resident server gave it in answer to our join. */
export interface RoomEntry {
  readonly resident: ServerName
  readonly roomId: RoomId
  readonly rules: RoomVersionRules
  /** Our member event, signed by all who must. */
  readonly event: IdentifiedPdu
  /** The state before it, and all that authorises that: as they came, not yet checked. */
  readonly state: readonly Json[]
  readonly authChain: readonly Json[]
  /** Where members are missing in the state: the servers in the room, which may have them. */
  readonly namedServers?: readonly ServerName[] | undefined
}

/** What became of a PDU of a transaction: undefined where it was taken (or is known), else why not. */
export type Receipt = { readonly eventId: EventId; readonly error: string | undefined }

/** The way of events of other servers into our rooms. */
export interface Ingest {
  /**
   * Takes the PDUs of a transaction: those of rooms that we are in, that are well-formed and may come from `origin`, are
   * on disk when it resolves and are worked through afterwards, in order, room by room.
   */
  receive(origin: ServerName, pdus: readonly Json[]): Promise<Receipt[]>
  /**
   * A membership event that another server built on our template (`send_join`, `send_leave`, `send_knock`): checked,
   * stored, and passed on to the other servers of the room. Throws `403 M_FORBIDDEN`, `400` for bad signatures.
   */
  accept(origin: ServerName, event: IdentifiedPdu): Promise<StoredEvent>
  /** Stores a room that one of our users has joined through another server; what is not valid in it is left out. Throws `502` where it cannot be used. */
  enter(entry: RoomEntry): Promise<void>
  /** Fetches and stores history before an event; false where there is no more to be had. */
  backfill(roomId: RoomId, before: readonly EventId[], limit: number): Promise<boolean>
  /** An event of a room by its id, fetched and checked where we don't have it; undefined where it cannot be had. */
  fetchEvent(roomId: RoomId, eventId: EventId, from: readonly ServerName[]): Promise<Pdu | undefined>
  /** Resolves when all that was received has been worked through, or waits for a server that does not answer. */
  drain(): Promise<void>
}
