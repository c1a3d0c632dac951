import type { Tx } from '../db/database.ts'
import type { EventStatus } from '../db/schema/rooms.ts'
import type { Pdu } from '../matrix/event.ts'
import type { EventId, RoomId, ServerName } from '../matrix/ids.ts'
import type { RoomVersionRules } from '../matrix/room-versions.ts'

/** A room as its row says: numbers are ours and never leave the server. */
export interface Room {
  readonly nid: number
  readonly roomId: RoomId
  readonly rules: RoomVersionRules
  /** The ends that the next event of ours follows: all of them, or as many as one event can. */
  readonly extremities: readonly Extremity[]
  /** The state over all ends. */
  readonly stateNid: number | undefined
  /** The state over `extremities`; undefined where these are all ends. */
  readonly citedNid: number | undefined
  readonly lastPos: number
  readonly bumpPos: number
  readonly isPublic: boolean
  /** Whether members are missing in its states, because the server through which we joined has left them out. */
  readonly isPartial: boolean
  /** The stream position from which on they are there; undefined where none was missing. */
  readonly completePos: number | undefined
  /** Until when some event of it is sticky, in ms since 1970. */
  readonly stickyUntil: number
}

export type Extremity = readonly [nid: number, eventId: EventId, depth: number]

/** An event as stored. `pdu` is its redacted form once it has been redacted, and carries no `unsigned`. */
export interface StoredEvent {
  readonly nid: number
  readonly eventId: EventId
  readonly roomNid: number
  readonly streamPos: number | undefined
  readonly beforeNid: number | undefined
  readonly stateNid: number | undefined
  readonly currentNid: number | undefined
  readonly status: EventStatus
  readonly redactedBy: EventId | undefined
  readonly threadId: EventId | undefined
  readonly txnDevice: string | undefined
  readonly txnId: string | undefined
  readonly delayId: string | undefined
  readonly pdu: Pdu
}

/** From state key number to event number: immutable once loaded, and shared. */
export type StateNids = ReadonlyMap<number, number>

/** An entry of a state by its name. */
export interface StateEntry {
  readonly type: string
  readonly stateKey: string
}

/** What a persist hook sees: events of one room in stream order, after their rows are written. */
export interface PersistedBatch {
  readonly room: Room
  readonly events: readonly StoredEvent[]
  /** Events from before, which were fetched later: they can be read, and are no news to anybody. */
  readonly history: readonly StoredEvent[]
  /** Sticky events that the present state of the room does not allow. */
  readonly hidden?: readonly StoredEvent[]
  /**
   * What stands now in changed entries of the room's current state: events of the batch, or older ones that a fork or
   * its end has brought forward. With a room that was joined through another server it is all of the state.
   */
  readonly currentChanges: readonly StoredEvent[]
  /** Entries of the current state in which nothing stands any more, because branches of the room disagreed. */
  readonly removed: readonly StateEntry[]
  /** Events that this server owes to the other servers of the room: its own, and joins that others made through it. */
  readonly outgoing: readonly StoredEvent[]
  /** What the batch redacted, as it was before; perhaps events of the batch itself. */
  readonly redacted: readonly StoredEvent[]
  /** The servers in a room that we have just entered without its members, as its server names them. */
  readonly namedServers?: readonly ServerName[]
  /** Whether with this batch the members have come that were missing. */
  readonly isCompletion?: boolean
}

/** Those of the removed entries by which somebody was in the room, or was to be. */
export function removedMembers(removed: readonly StateEntry[]): string[] {
  return removed.flatMap(({ type, stateKey }) => (type === 'm.room.member' ? stateKey : []))
}

/** Runs inside the persist transaction: database calls only. Throwing refuses the whole batch. */
export type PersistHook = (tx: Tx, batch: PersistedBatch) => Promise<void>
