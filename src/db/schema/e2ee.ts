import type { Generated } from 'kysely'

export interface E2eeSchema {
  /** The identity keys of our users' devices, dehydrated ones included. */
  device_keys: { user_id: string; device_id: string; json: string }
  one_time_keys: {
    /** Grows with each upload: keys are claimed in this order. */
    otk_nid: Generated<number>
    user_id: string
    device_id: string
    algorithm: string
    key_id: string
    json: string
    /** Claimed keys stay for a while, so that a repeated upload does not bring them back. */
    claimed: number
  }
  fallback_keys: { user_id: string; device_id: string; algorithm: string; key_id: string; json: string; used: number }
  /** What every sync tells a device about its keys, kept ready in one row. */
  device_key_counts: {
    user_id: string
    device_id: string
    /** JSON: algorithm to number of unclaimed one-time keys. */
    one_time_keys: string
    /** JSON: algorithms that have a fallback key which nobody got yet. */
    unused_fallback: string
  }
  cross_signing_keys: { user_id: string; usage: CrossSigningUsage; public_key: string; json: string }
  /** Signatures that came after the key that they sign. */
  key_signatures: {
    user_id: string
    /** A device id or a public key. */
    key_id: string
    signer_user_id: string
    signer_key_id: string
    signature: string
  }
  /** The last change of a user's keys or devices. */
  device_list_changes: {
    user_id: string
    /** Whom the change concerns; empty: everybody who shares a room with the user. */
    observer: string
    stream_pos: number
  }
  to_device_inbox: { user_id: string; device_id: string; stream_pos: number; json: string }
  /** Requests that have been carried out, so that a repetition is not. */
  to_device_txns: { user_id: string; device_id: string; event_type: string; txn_id: string; ts: number }
  dehydrated_devices: { user_id: string; device_id: string; display_name: string | null; device_data: string }
  key_backups: {
    user_id: string
    version: number
    algorithm: string
    auth_data: string
    etag: number
    key_count: number
    /** Deleted versions keep their number, so that it is never given again. */
    deleted: number
  }
  key_backup_sessions: {
    user_id: string
    version: number
    room_id: string
    session_id: string
    first_message_index: number
    forwarded_count: number
    is_verified: number
    session_data: string
  }
}

export type CrossSigningUsage = 'master' | 'self_signing' | 'user_signing'
