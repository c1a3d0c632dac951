import type { Generated } from 'kysely'

/** `local`: uploaded here; `remote`: a copy of another server's; `preview`: the picture of a web page. */
export type MediaKind = 'local' | 'remote' | 'preview'

export interface MediaAdminSchema {
  /** When media with content was last downloaded, or looked at as a thumbnail; at first, when it came. */
  media_accesses: { media_nid: number; kind: MediaKind; created_ts: number; used_ts: number }
  /** The same for thumbnails that the server made, by the blob that one is kept in. */
  thumbnail_accesses: { blob_nid: number; created_ts: number; used_ts: number }
  /** What has been deleted, as it was. */
  media_deletions: {
    deletion_nid: Generated<number>
    deleted_ts: number
    reason: string
    /** The administrator who asked for it; null: the server by its rules. */
    requested_by: string | null
    origin: string
    media_id: string
    kind: MediaKind
    uploader: string | null
    content_type: string | null
    size: number
    sha256: string
    created_ts: number
  }
  /** How much has been deleted since the database was made. */
  media_deletion_totals: { kind: MediaKind | 'thumbnail'; reason: string; files: number; bytes: number }
  /** Contents that nobody may see, under whatever ids they are or come. */
  media_quarantines: { sha256: string; quarantined_by: string; quarantined_ts: number }
  media_quarantine_changes: {
    change_nid: Generated<number>
    origin: string
    media_id: string
    /** 0: it was taken out of quarantine. */
    is_quarantined: number
    changed_by: string
    changed_ts: number
  }
  /** Media that is neither quarantined nor deleted by rules. */
  media_protections: { media_nid: number; protected_by: string; protected_ts: number }
}
