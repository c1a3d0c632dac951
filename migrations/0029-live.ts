import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  // With rows of its own: the newest positions are counted in the index, without a look at the frames.
  await db.schema
    .createTable('live_events')
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('stream_pos', 'bigint', (c) => c.notNull())
    .addColumn('ts', 'bigint', (c) => c.notNull())
    .addColumn('frame', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('live_events_pk', ['user_id', 'stream_pos'] as never)
    .execute()
  await db.schema.createIndex('live_events_ts').on('live_events').column('ts').execute()
  const pruned = db.schema
    .createTable('live_pruned')
    .addColumn('user_id', 'text', (c) => c.primaryKey())
    .addColumn('stream_pos', 'bigint', (c) => c.notNull())
  await t.withoutRowid(pruned).execute()
}
