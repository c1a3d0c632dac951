import type { Generated } from 'kysely'

export interface FederationSenderSchema {
  /** Servers that something was ever sent to, and the transaction that is under way to each. */
  federation_destinations: {
    destination: string
    /** Null: none is under way. */
    txn_id: string | null
    /** The queued events up to here are in it. */
    txn_pos: number
    /** JSON: its EDUs, as they are sent. */
    txn_edus: string
    txn_ts: number
    /** Failures since the last success. */
    attempts: number
    /** How often the server has refused the transaction that is under way. */
    refusals: number
    failing_since: number | null
    /** When the last attempt failed. */
    failed_ts: number
    retry_ts: number
    last_error: string | null
    /** Stream position of the last event that the server has confirmed. */
    sent_pos: number | null
  }
  /** Events that a server has not confirmed yet. */
  federation_queue: { destination: string; stream_pos: number; room_nid: number; event_nid: number }
  /** Servers with somebody in a room that we are in, this one included. */
  federation_room_servers: {
    room_nid: number
    server: string
    /** 1: nothing of the room goes there, because of its server ACL or because it is this server. */
    denied: number
  }
  /** Devices that changed and that a server has not been told about; an empty device id stands for cross-signing keys. */
  federation_device_news: { destination: string; user_id: string; device_id: string; stream_pos: number }
  /** The last change of a user's devices that a server was told: what the next update continues. */
  federation_device_streams: { user_id: string; destination: string; stream_id: number }
  /** Contents of `m.direct_to_device`, and of others that must not be lost, that are in no transaction yet. */
  federation_to_device: { message_nid: Generated<number>; destination: string; type: string; json: string }
  /** Device lists of users of other servers. */
  remote_device_lists: {
    user_id: string
    server: string
    /** The last change that is in the list. */
    stream_id: number
    /** 0: a change was missed, or nothing has come yet; the whole list has to be fetched. */
    is_current: number
    /** 0: there has never been a list. */
    is_fetched: number
    /** 1: clients wait to be told of a change until the list has been fetched. */
    untold: number
    /** Counts changes that were missed, so that a list fetched before one of them does not count as current. */
    version: number
    master_key: string | null
    self_signing_key: string | null
    /** Failures to fetch since the last success. */
    attempts: number
    retry_ts: number
  }
  remote_devices: { user_id: string; device_id: string; display_name: string | null; json: string }
  /** Messages to devices that have come, so that a repetition is not delivered. */
  received_device_messages: { sender: string; message_id: string; ts: number }
}
