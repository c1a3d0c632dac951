import type { Generated } from 'kysely'

export interface AccountsSchema {
  users: {
    user_id: string
    /** Argon2id in PHC form; null for accounts that cannot log in with a password. */
    password_hash: string | null
    created_ts: number
    is_admin: number
    is_guest: number
    is_locked: number
    is_suspended: number
    deactivated_ts: number | null
    /** The user asked for erasure when the account was deactivated. */
    is_erased: number
    /** The application service that registered the account. */
    appservice_id: string | null
    user_type: string | null
    /** When the account ends, unless it is one that never does; null: not, or not yet decided. */
    expires_ts: number | null
  }
  profile_fields: { user_id: string; name: string /** JSON */; value: string }
  devices: {
    user_id: string
    device_id: string
    display_name: string | null
    created_ts: number
    last_seen_ts: number | null
    last_seen_ip: string | null
    last_seen_user_agent: string | null
  }
  /** One login. A device has at most one: logging in to it again ends the one before. */
  sessions: { session_id: Generated<number>; user_id: string; device_id: string; created_ts: number }
  /** The pairs of tokens that a session has been given, newest last. Only SHA-256 hashes are kept. */
  session_tokens: {
    token_nid: Generated<number>
    session_id: number
    access_hash: string
    /** Null: none was asked for, or a newer pair has been used. */
    refresh_hash: string | null
    /** When the access token expires; null: never. */
    expires_ts: number | null
    /** 0 until either token of the pair is used: so long the pair before stays usable, as the answer may have been lost. */
    is_used: number
  }
  login_tokens: { token_hash: string; user_id: string; expires_ts: number }
  registration_tokens: {
    token: string
    /** Null: as often as anybody likes. */
    uses_allowed: number | null
    completed: number
    expires_ts: number | null
    created_ts: number
  }
  uia_sessions: {
    uia_id: string
    expires_ts: number
    /** JSON: what the authentication remembers between requests. */
    data: string
  }
  account_data: {
    user_id: string
    /** Empty: not of a room. */
    room_id: string
    type: string
    content: string
    is_deleted: number
    stream_pos: number
  }
  filters: { filter_nid: Generated<number>; user_id: string /** SHA-256 of `json` */; digest: string; json: string }
}
