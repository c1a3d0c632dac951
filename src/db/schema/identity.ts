export interface IdentitySchema {
  /** Addresses that people have shown to be theirs. One belongs to one account. */
  threepids: {
    /** Only `email`. */
    medium: string
    /** In its canonical form. */
    address: string
    user_id: string
    validated_ts: number
    added_ts: number
  }
  /** Addresses that identity servers say to be a user's, because we asked them to. */
  threepid_bindings: { user_id: string; medium: string; address: string; id_server: string }
  /** Whom providers of logins know by which subject. */
  external_ids: { provider_id: string; subject: string; user_id: string; created_ts: number }
  /** Logins at providers that are under way. */
  sso_sessions: { session_hash: string /** JSON */; data: string; expires_ts: number }
  /** Accounts whose events are shown redacted to those who came later. */
  erased_users: { user_id: string; stream_pos: number }
  /** The ends of accounts about which their owners have had a mail, or are to have none. */
  renewal_mails: { user_id: string; end_ts: number }
  /** Links that renew an account. They work as long as it ends when it did as they were made. */
  renewal_tokens: { token_hash: string; user_id: string; end_ts: number }
  /** Mail addresses on the way to being confirmed. */
  email_validations: {
    sid: string
    /** `register`, `add` or `password`: what the confirmed address may be used for. */
    purpose: string
    address: string
    /** SHA-256 of the client's secret. */
    secret_hash: string
    /** The last attempt for which a mail was sent. */
    send_attempt: number
    /** SHA-256 hashes of the tokens in the mails of this session, newest first, with spaces between them. None: it cannot be confirmed. */
    token_hashes: string
    /** Where the browser is sent afterwards. */
    next_link: string | null
    validated_ts: number | null
    expires_ts: number
  }
}
