import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'

/** What is known of a picture or a recording; null: it has none, or it cannot be told. */
export interface MediaFacts {
  readonly width: number | null
  readonly height: number | null
  readonly durationMs: number | null
  readonly videoCodec: string | null
  readonly audioCodec: string | null
  /** https://blurha.sh */
  readonly blurhash: string | null
}

const byBlob = prepare((qb, p: { nid: number }) =>
  qb
    .selectFrom('media_facts')
    .select([
      'width',
      'height',
      'duration_ms as durationMs',
      'video_codec as videoCodec',
      'audio_codec as audioCodec',
      'blurhash',
    ])
    .where('blob_nid', '=', p.nid),
)

/** Undefined before the blob has been looked at. */
export const getMediaFacts = (reader: Reader, nid: number): Promise<MediaFacts | undefined> =>
  byBlob.first(reader, { nid })

export async function putMediaFacts(tx: Tx, nid: number, facts: MediaFacts): Promise<void> {
  const values = {
    width: facts.width,
    height: facts.height,
    duration_ms: facts.durationMs,
    video_codec: facts.videoCodec,
    audio_codec: facts.audioCodec,
    blurhash: facts.blurhash,
  }
  await tx.qb
    .insertInto('media_facts')
    .values({ blob_nid: nid, ...values })
    .onConflict((conflict) => conflict.column('blob_nid').doUpdateSet(values))
    .execute()
}

export async function deleteMediaFacts(tx: Tx, numbers: readonly number[]): Promise<void> {
  await tx.qb.deleteFrom('media_facts').where('blob_nid', 'in', numbers).execute()
}
