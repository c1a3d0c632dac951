export interface AppservicesSchema {
  /** How far an application service has been told. */
  appservice_progress: {
    appservice_id: string
    /** Digest of the registration that `appservice_members` was made for; empty while it is being made. */
    namespaces: string
    /** The transaction under way; null: none. */
    txn_id: string | null
    /** All of `appservice_events` up to here is in it. */
    txn_pos: number
    /** JSON: what it holds besides events. */
    txn_extra: string
    /** Changes of device lists up to here are told, or in the transaction. */
    device_lists_pos: number
    /** Failures since the last success, and when to try again. */
    attempts: number
    retry_ts: number
    last_error: string | null
  }
  /** The joined users of the service's namespaces, by room. */
  appservice_members: { appservice_id: string; room_nid: number; user_id: string }
  /** Events that the service has not confirmed. */
  appservice_events: { appservice_id: string; stream_pos: number; event_nid: number }
  /** Messages to devices that are in no transaction yet. */
  appservice_to_device: { appservice_id: string; stream_pos: number; user_id: string; device_id: string }
  /** Rooms with receipts that are in no transaction yet: those from this position on. */
  appservice_receipts: { appservice_id: string; room_nid: number; since_pos: number }
  /** Devices whose one-time keys became fewer since the service was told. */
  appservice_key_counts: { appservice_id: string; user_id: string; device_id: string }
  /** Rooms that application services publish for the networks that they bridge. */
  network_rooms: { appservice_id: string; network_id: string; room_nid: number }
}
