export interface LiveSchema {
  /** What happened for a user, for the sockets that are open or come back. */
  live_events: {
    user_id: string
    stream_pos: number
    ts: number
    /** JSON without the position. */
    frame: string
  }
  /** Up to where a user's rows are gone: who has seen less cannot go on from there. */
  live_pruned: {
    user_id: string
    stream_pos: number
  }
}
