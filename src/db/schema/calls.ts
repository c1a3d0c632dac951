import type { Generated } from 'kysely'

export interface CallsSchema {
  calls: {
    call_nid: Generated<number>
    call_id: string
    room_id: string
    caller: string
    /** Null in calls of more than two people. */
    callee: string | null
    kind: string
    /** `ringing` until it is certain. */
    outcome: string
    started_ts: number
    ended_ts: number | null
    /** Why the caller may be asked for a note. */
    prompt_reason: string | null
    note_event_id: string | null
    /** When it is judged next. */
    due_ts: number | null
    /** JSON of what is known about a call that goes on; null once nobody is in it. */
    state: string | null
  }
  /** In whose logs a call stands: people of this server. */
  call_parties: { user_id: string; call_nid: number }
}
