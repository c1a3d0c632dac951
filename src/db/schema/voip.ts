/** What became of a delayed event. */
export type DelayedOutcome = 'sent' | 'cancelled' | 'failed'

export interface VoipSchema {
  delayed_events: {
    delay_id: string
    user_id: string
    /** Empty: of an application service without a device. */
    device_id: string
    txn_id: string | null
    room_id: string
    type: string
    state_key: string | null
    content: string
    /** JSON: how it says that it is sticky; null where it does not. */
    sticky: string | null
    /** In ms. */
    delay: number
    /** Since when the delay runs. */
    since_ts: number
    /** When it is sent; null once it is clear what became of it. */
    due_ts: number | null
    outcome: DelayedOutcome | null
    event_id: string | null
    /** JSON: the Matrix error. */
    error: string | null
    finalised_ts: number | null
  }
}
