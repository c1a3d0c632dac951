export interface FederationKeysSchema {
  /** Every key of another server that was ever seen: old events are signed with old keys. */
  server_keys: {
    server_name: string
    key_id: string
    public_key: string
    /** Until when it signs what is valid: when the answer it came in is outdated, or when the server stopped to use it. */
    valid_until_ts: number
  }
  /** The last answer of each server about its keys, as it was signed: what a notary passes on. */
  server_key_answers: {
    server_name: string
    /** JSON. */
    answer: string
    valid_until_ts: number
    fetched_ts: number
  }
}
