export interface LivekitSchema {
  /** Who was let into calls at the LiveKit server, and what that server said of them. */
  livekit_participants: {
    livekit_room: string
    /** The name in the call. */
    identity: string
    room_id: string
    user_id: string
    /** Null where the request did not say. */
    device_id: string | null
    granted_ts: number
    /** `granted`, `joined` or `left`. */
    phase: string
    /** LiveKit's name of the last connection that is known; null: none is. */
    sid: string | null
    /** When that connection was made, in ms by LiveKit's clock. */
    session_ts: number
    /** When the phase began. */
    phase_ts: number
    /** The delayed event that is to be sent when they are gone. */
    delay_id: string | null
    /** When that is to be restarted next; null: never. */
    restart_ts: number | null
  }
}
