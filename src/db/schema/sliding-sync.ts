export interface SlidingSyncSchema {
  /** The sliding sync connections of devices. */
  sliding_connections: {
    /** Drawn at random, so that the positions of a connection that is gone never fit another one. */
    conn_nid: number
    user_id: string
    /** Empty for an application service without one. */
    device_id: string
    /** The client's own name for the connection; empty where it has only one. */
    conn_id: string
    /** The state that the client has for certain. Positions name the state that they belong to. */
    seq: number
    /** JSON */
    settings: string
    /** The state of the last answer, until the client asks on from there; null: it changed nothing. */
    pending_seq: number | null
    pending_settings: string | null
    last_used_ts: number
  }
  /** What a connection has been sent of a room; `is_pending` 1: by an answer that may not have arrived. */
  sliding_rooms: {
    conn_nid: number
    is_pending: number
    room_nid: number
    /** The client has everything up to here; null: up to the position with which it asks. */
    sent_pos: number | null
    /** The client has this many of the latest events without a gap. */
    timeline_limit: number
    /** Digest of the state that was asked for. */
    config: string
    is_dm: number
  }
}
