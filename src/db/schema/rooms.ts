import type { Generated } from 'kysely'

/** 0: accepted; 1: kept, not shown (soft-failed, or a redaction that redacts nothing yet); 2: rejected by the authorisation rules. */
export type EventStatus = 0 | 1 | 2

export interface RoomsSchema {
  rooms: {
    room_nid: Generated<number>
    room_id: string
    version: string
    /** JSON: the forward extremities as `[event_nid, event_id, depth]`, as many as one event can follow. */
    extremities: string
    /** The resolved state over all extremities, those in `further_ends` too. */
    state_nid: number | null
    /** The resolved state over those in `extremities` alone; null where there are no others. */
    cited_nid: number | null
    /** Stream position of the newest event. */
    last_pos: number
    /** Stream position of the newest event that counts as activity of people. */
    bump_pos: number
    is_public: number
    /** Whether the state lacks members that the server through which we joined has left out. */
    is_partial: number
    /** Where the rest of the state has come in; null where it was whole from the beginning. */
    complete_pos: number | null
    /** Until when some event of it is sticky, in ms since 1970. */
    sticky_until: number
  }
  /** Rooms whose state lacks members. */
  partial_rooms: {
    room_nid: number
    /** Our join, by which the room began for us, and the state before it, as far as it is here. */
    join_nid: number
    base_nid: number
    /** Through which server we joined. */
    resident: string
    /** JSON: the servers in the room, as that one has named them. */
    servers: string
  }
  events: {
    event_nid: Generated<number>
    event_id: string
    room_nid: number
    /** Null for outliers. History that is fetched later has its place in a gap, or is negative, counting downwards. */
    stream_pos: number | null
    type: string
    sender: string
    state_key: string | null
    depth: number
    origin_server_ts: number
    /** The state before the event, and after it, on its own branch. */
    before_nid: number | null
    state_nid: number | null
    /** The room's resolved state once this event was in, where it is not `state_nid`. */
    current_nid: number | null
    status: EventStatus
    /** The event that redacted this one; `json` holds the redacted form then. */
    redacted_by: string | null
    thread_id: string | null
    txn_device: string | null
    txn_id: string | null
    /** Which delayed event of its sender it was. */
    delay_id: string | null
    json: string
  }
  event_edges: { event_nid: number; prev_nid: number }
  /** Authorising events of state events: what auth chains are walked on. */
  event_auth: { event_nid: number; auth_nid: number }
  /** Events of the timeline that relate to another one; redacted ones do no more. */
  relations: {
    event_nid: number
    room_nid: number
    /** Position, sender and time are those of the event: pages and summaries are read from the indexes alone. */
    stream_pos: number
    parent_id: string
    /** What the parent relates to, and what that relates to: null where the chain ends. */
    grandparent_id: string | null
    great_grandparent_id: string | null
    rel_type: string
    sender: string
    origin_server_ts: number
  }
  /** Roots that have replies; how many, and where the newest stands. */
  threads: { room_nid: number; root_id: string; replies: number; latest_pos: number }
  thread_subscriptions: {
    user_id: string
    room_nid: number
    root_id: string
    /** `none` remembers when the user unsubscribed. */
    state: 'manual' | 'automatic' | 'none'
    stream_pos: number
  }
  state_keys: { key_nid: Generated<number>; type: string; state_key: string }
  /**
   * A state is what changed since `base_nid`. The base of the state at depth n is its ancestor at depth n & (n - 1),
   * so a full state is read in at most log2(n) steps.
   */
  states: {
    state_nid: Generated<number>
    room_nid: number
    depth: number
    base_nid: number | null
    /** Equal states of a room have equal digests, whichever way they came about. */
    digest: string
  }
  state_changes: { state_nid: number; key_nid: number /** 0: removed */; event_nid: number }
  current_state: { room_nid: number; type: string; state_key: string; event_nid: number }
  memberships: {
    room_nid: number
    user_id: string
    membership: string
    event_nid: number
    stream_pos: number
    sender: string
    display_name: string | null
    avatar_url: string | null
    is_local: number
    forgotten: number
    /** JSON: the stripped state that came with an invite or a knock from elsewhere. */
    stripped_state: string | null
  }
  room_aliases: { alias: string; room_nid: number; creator: string }
  receipts: {
    room_nid: number
    user_id: string
    receipt_type: string
    /** Empty: unthreaded. */
    thread_id: string
    event_id: string
    event_pos: number
    ts: number
    stream_pos: number
  }
}
