import type { Generated } from 'kysely'

export interface BotsSchema {
  /** Events that a bot of this server has not dealt with. */
  bot_events: {
    bot: string
    stream_pos: number
    room_nid: number
    event_nid: number
    /** Failures so far, and when to try again (ms). */
    attempts: number
    retry_ts: number
    last_error: string | null
  }
  /** The room in which a user and the voicemail bot are alone. */
  voicemail_chats: {
    user_id: string
    room_id: string
    /** 1: the server has joined its user; whoever leaves afterwards is only invited. */
    is_joined: number
  }
  /** Calls after which the caller may leave a note, each once. */
  voicemail_prompts: {
    prompt_id: string
    call_id: string
    /** The conversation in which the call was. */
    room_id: string
    caller: string
    callee: string
    kind: 'voice' | 'video'
    reason: 'timeout' | 'busy' | 'cancelled' | 'declined'
    state: PromptState
    /** When the call began. */
    called_ts: number
    created_ts: number
    expires_ts: number
    /** Where and how the caller was asked; null: not yet, or never. */
    chat_id: string | null
    event_id: string | null
    note_id: string | null
  }
  voicemail_notes: {
    note_nid: Generated<number>
    note_id: string
    call_id: string | null
    room_id: string
    /** The message that brings it, and its position. */
    event_id: string
    stream_pos: number
    sender: string
    receiver: string
    /** Of a receiver on another server. */
    receiver_server: string | null
    kind: 'voice' | 'video'
    duration_ms: number
    mxc: string | null
    state: NoteState
    sent_ts: number
    delivered_ts: number | null
    fetched_ts: number | null
    played_ts: number | null
    deleted_ts: number | null
    /** How often the room was marked unread again. */
    reminded: number
    /** What the sender wrote beside it. */
    caption: string | null
    transcript: string | null
  }
  /** What the server sent in whose name, and by what right. */
  voicemail_audit: {
    audit_nid: Generated<number>
    ts: number
    user_id: string
    action: string
    /** Which link or device it was done with. */
    credential: string
    room_id: string
    event_id: string | null
    note_id: string | null
    call_id: string | null
  }
}

/**
 * `silent`: the caller is not asked, but may leave a note in the conversation. `waiting`: is about to be asked. `overtaken`: by
 * another call. `dismissed`: the caller wants to leave none.
 */
export type PromptState = 'silent' | 'waiting' | 'open' | 'used' | 'expired' | 'overtaken' | 'dismissed'

export type NoteState = 'sent' | 'delivered' | 'fetched' | 'played' | 'deleted'
