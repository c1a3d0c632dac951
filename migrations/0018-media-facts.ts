import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await db.schema
    .createTable('media_facts')
    .addColumn('blob_nid', 'bigint', (c) => c.primaryKey())
    .addColumn('width', 'integer')
    .addColumn('height', 'integer')
    .addColumn('duration_ms', 'bigint')
    .addColumn('video_codec', 'text')
    .addColumn('audio_codec', 'text')
    .addColumn('blurhash', 'text')
    .execute()
}
