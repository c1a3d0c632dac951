import type { Generated } from 'kysely'

export interface PushSchema {
  /** What users changed about their push rules; no row: nothing. */
  push_rules: { user_id: string /** JSON */; rules: string; stream_pos: number }
  /**
   * Rules as they act in one room, shared by all users for whom they act alike. Class 0, without a row, is that of the
   * default rules.
   */
  push_classes: { class_nid: Generated<number>; digest: string /** JSON */; rules: string }
  /** Classes other than 0 that joined local users of a room have, or (`is_used` 0) had. */
  push_room_classes: { room_nid: number; is_used: number; class_nid: number }
  /**
   * Running totals of notifications, one row for each batch of events that adds to them: of class 0 as they are, of the
   * other classes as their difference to class 0.
   */
  push_totals: {
    room_nid: number
    class_nid: number
    /** Empty: the whole room; else the root of a thread. */
    series: string
    /** Of the last event in the row. */
    pos: number
    notifications: number
    highlights: number
    /** How much of the whole room's totals is in threads. */
    thread_notifications: number
    thread_highlights: number
    /** JSON: the events in the row as `[pos, notifications, highlights, 1 in a thread]`; null: only the one at `pos`. */
    marks: string | null
  }
  /** Threads by their last event that notified somebody. */
  push_threads: { room_nid: number; thread_id: string; last_pos: number }
  /**
   * What a joined local user has not read: the totals of the user's class less the bases kept here. The bases hold the
   * totals where the user has read to, and whatever is different for this user alone.
   */
  push_members: {
    room_nid: number
    user_id: string
    class_nid: number
    /** JSON: earlier classes as `[class_nid, until]`, as far as unread events go back to them. */
    past_classes: string
    /** Everything up to here is read, in all threads. */
    floor_pos: number
    room_notifications: number
    room_highlights: number
    /** The main timeline is read up to here, where that is beyond `floor_pos`. */
    main_pos: number
    main_notifications: number
    main_highlights: number
    /** Whether the user has a pusher that is enabled. */
    has_pusher: Generated<number>
  }
  /** Threads that are read beyond `floor_pos`. */
  push_reads: { room_nid: number; user_id: string; thread_id: string; pos: number }
  /** Events that mean more or less to one user than to the user's class: mentions above all. */
  push_exceptions: {
    room_nid: number
    user_id: string
    pos: number
    /** Empty: the main timeline. */
    thread_id: string
    notifications: number
    highlights: number
  }
  /** Redacted events that had notified: whoever has not read them does not count them any more. */
  push_redactions: {
    room_nid: number
    pos: number
    class_nid: number
    thread_id: string
    notifications: number
    highlights: number
  }
  /** Events that highlighted for one user beyond the user's class. They stay when they are read. */
  push_highlights: { user_id: string; pos: number; room_nid: number; event_nid: number }
  /** Events that highlighted for a class; those of class 0 count for all, the others where class 0 has none. */
  push_class_highlights: { room_nid: number; class_nid: number; pos: number; event_nid: number }
  pushers: {
    user_id: string
    app_id: string
    pushkey: string
    device_id: string | null
    kind: string
    app_display_name: string
    device_display_name: string
    profile_tag: string | null
    lang: string
    /** JSON */
    data: string
    created_ts: number
    /** When the application set it last. */
    set_ts: number
    enabled: number
    /** Where it sends to: what pushers of one gateway share is limited together. */
    gateway: string
    /** Everything up to this stream position has been delivered, or needs no delivery. */
    position: number
    /** The unread count that the device was told last; null: not known. */
    badge: number | null
    /** Failures since the last success, and when to try again; by mail: when the next one is due, at the earliest. */
    attempts: number
    retry_ts: number | null
    last_error: string | null
    /** JSON, of pushers that send mails: the last one, and how many the user has left unread. */
    mailed: string | null
    /** The hash of the token in their mails that ends them. */
    unsubscribe_hash: string | null
  }
}
