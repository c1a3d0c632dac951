import type { Generated } from 'kysely'

/** `storing`: the bytes may or may not be there; `doomed`: they may or may not still be there, and must go. */
export type BlobState = 'storing' | 'stored' | 'doomed'
/** `pending`: created, but not uploaded yet; `deleted`: a tombstone, so that the id is never used again. */
export type MediaState = 'pending' | 'live' | 'deleted'

export interface MediaSchema {
  /** Contents, each stored once. How many uses a blob has is counted from the rows that point to it. */
  media_blobs: {
    blob_nid: Generated<number>
    /** In hex. Of stored blobs only one has it. */
    sha256: string
    storage_key: string
    size: number
    state: BlobState
    /** The media type that the first bytes show; null: none that is known. */
    detected_type: string | null
    /** Of a picture that has been looked at, upright. */
    width: number | null
    height: number | null
    frames: number | null
    created_ts: number
  }
  media: {
    media_nid: Generated<number>
    /** The server of the `mxc:` URI. */
    origin: string
    media_id: string
    /** Null: fetched from another server, or made by this one. */
    uploader: string | null
    state: MediaState
    /** As the uploader said. */
    content_type: string | null
    file_name: string | null
    blob_nid: number | null
    /** 0 until there is content. */
    size: number
    /** 1: an avatar, a sticker, an emote: never deleted because it has been delivered. */
    is_pinned: number
    created_ts: number
    /** When a created id that nobody uploads to is forgotten, or a copy that its server wants to be kept for a short time. */
    expires_ts: number | null
    deleted_ts: number | null
    deleted_reason: string | null
  }
  /** What was made of a blob: smaller pictures, or the poster of a video. Null: it was tried in vain. */
  media_thumbnails: { source_nid: number; variant: string; blob_nid: number | null; content_type: string | null }
  /** What pages looked like when they were fetched. */
  url_previews: {
    preview_nid: Generated<number>
    /** SHA-256 of the address, in hex. */
    url_digest: string
    /** JSON: the preview as clients get it; null: the page could not be fetched. */
    properties: string | null
    /** Its picture. */
    media_nid: number | null
    fetched_ts: number
    /** Until when it is taken for the present state of the page. */
    expires_ts: number
  }
  /** Media that its uploader has sent in messages we can read: what may be deleted once it is delivered. */
  media_deliveries: {
    media_nid: number
    /** When the last message that shows it was sent. */
    linked_ts: number
    /** Since when everybody whom it was for has it; null: somebody lacks it, or it is not followed. */
    delivered_ts: number | null
    /** Since when no message shows it any more. */
    unlinked_ts: number | null
    /** For how long a server that lacks it could not be reached, in ms. */
    paused_ms: number
    /** When it is deleted and why, as far as that is known today. */
    due_ts: number | null
    due_reason: string | null
    /** The policy of the server by which `due_ts` was worked out, as a digest. */
    policy: string
    /** Whether it goes once it is delivered: servers that fetch it are told. */
    is_ephemeral: number
  }
  /** What rooms (`room:NUMBER`) and people (`user:ID`) have chosen: JSON, the content of `io.ringback.media_policy`. */
  media_policies: { subject: string; content: string }
  /** Servers that have copies of media of ours that is gone, and have not been told. */
  media_redactions: { server: string; media_id: string; tell_ts: number }
  /** Messages that show media. */
  media_links: {
    media_nid: number
    /** Empty: declared for the room at the upload, before there was an event. */
    event_id: string
    room_nid: number
    sender: string
    /** `note`, `voice`, `image`, `video`, `file` or `ai_image`. */
    kind: string
    /** Of a thumbnail: the media that it stands for. */
    main_nid: number | null
    /** 0: the message was redacted or replaced. */
    is_open: number
    /** Whether those whom the message was for are in `media_recipients`. */
    is_tracked: number
  }
  /** Who has to have media before it counts as delivered, because of a message in a room. */
  media_recipients: {
    media_nid: number
    event_id: string
    room_nid: number
    /** A user of ours, `server:NAME`, or `appservice:ID`. */
    recipient: string
  }
  /** Recipients who keep media that would be deleted after its delivery. */
  media_keeps: { media_nid: number; user_id: string }
  /** What somebody has downloaded. */
  media_fetches: {
    media_nid: number
    recipient: string
    /** Empty where there is none. */
    device: string
    /** JSON: the parts of the file. */
    parts: string
    /** When it was whole for the first time. */
    complete_ts: number | null
  }
  /** What keeps media from being deleted, whatever else holds: one piece, or all that fits what is given of the rest. */
  media_holds: {
    hold_nid: Generated<number>
    /** `legal`, `quarantine` or `report`. */
    kind: string
    media_nid: number | null
    /** The uploader. */
    user_id: string | null
    room_nid: number | null
    /** When it was uploaded: from, and before. */
    from_ts: number | null
    until_ts: number | null
    note: string | null
    /** Null: the server itself. */
    created_by: string | null
    created_ts: number
    /** Null: until it is lifted. */
    expires_ts: number | null
    released_ts: number | null
    released_by: string | null
  }
}
