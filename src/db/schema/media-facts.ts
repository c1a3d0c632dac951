export interface MediaFactsSchema {
  /** What was found out about a blob by opening it; all null: it was tried in vain. */
  media_facts: {
    blob_nid: number
    /** In pixels, as it is seen. */
    width: number | null
    height: number | null
    duration_ms: number | null
    video_codec: string | null
    audio_codec: string | null
    blurhash: string | null
  }
}
