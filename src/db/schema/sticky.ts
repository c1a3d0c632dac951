export interface StickySchema {
  /** Sticky events that have not expired. */
  sticky_events: {
    event_nid: number
    room_nid: number
    sender: string
    is_local: number
    /** Since when clients can know of it; null while the room's state does not allow it (soft-failed). */
    stream_pos: number | null
    /** In ms since 1970. */
    expires_ts: number
  }
}
