export interface VoicemailLinksSchema {
  /** Links to the recorder: each sends one note. */
  voicemail_links: {
    token_hash: string
    /** By which the note is known, also when it is sent again after a crash. */
    note_id: string
    user_id: string
    call_id: string
    room_id: string
    prompt_id: string
    /** Of the call: `voice` or `video`. */
    kind: string
    /** Whom the note is for, as the page says it. */
    peer_name: string
    greeting: string | null
    /** How long the note may be, in ms. */
    max_ms: number
    created_ts: number
    expires_ts: number
    /** `open`; `ready`: there is a note that is being sent; `used`; `revoked`. */
    state: string
    /** JSON: the `mxc:` URIs that were made for the note. */
    media: string
    /** JSON, from `ready` on. */
    note: string | null
    event_id: string | null
    sent_room_id: string | null
  }
}
