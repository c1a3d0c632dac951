import type { Generated } from 'kysely'

export interface PeopleSchema {
  /** Who was there when last looked at; what holds now is kept in memory. */
  presence: {
    user_id: string
    state: string
    status_msg: string | null
    last_active_ts: number | null
    /** The number of the change, as it stands in sync tokens. */
    changed_at: number
  }
  /** What people have reported to the administrators. */
  reports: {
    report_id: Generated<number>
    /** `event`, `room` or `user`. */
    kind: string
    reporter: string
    /** The room that was reported, or in which the event is. */
    room_id: string | null
    event_id: string | null
    /** The user who was reported, or who sent the event. */
    user_id: string | null
    reason: string | null
    created_ts: number
  }
  /** Proofs of identity for other services. Only SHA-256 hashes are kept. */
  openid_tokens: { token_hash: string; user_id: string; expires_ts: number }
}
