/** `history`: what is old in a room; `room`: a whole room, or the end of our users' stay in it. */
export type PurgeKind = 'history' | 'room'
export type PurgeStatus = 'scheduled' | 'shutting_down' | 'purging' | 'complete' | 'failed'

export interface PurgesSchema {
  /** What administrators have had removed from rooms, and what is being removed. */
  purges: {
    purge_id: string
    kind: PurgeKind
    room_id: string
    status: PurgeStatus
    /** JSON: what was asked for. */
    request: string
    /** JSON: who was moved where; null for history, and until it begins. */
    result: string | null
    error: string | null
    requested_by: string
    created_ts: number
    ended_ts: number | null
  }
  /** Rooms that nobody here may enter. */
  room_blocks: { room_id: string; blocked_by: string; blocked_ts: number }
}
