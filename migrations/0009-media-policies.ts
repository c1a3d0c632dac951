import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await db.schema
    .createTable('media_policies')
    .addColumn('subject', 'text', (c) => c.primaryKey())
    .addColumn('content', 'text', (c) => c.notNull())
    .execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('media_redactions')
        .addColumn('server', 'text', (c) => c.notNull())
        .addColumn('media_id', 'text', (c) => c.notNull())
        .addColumn('tell_ts', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('media_redactions_pk', ['server', 'media_id'] as never),
    )
    .execute()
  await db.schema.createIndex('media_redactions_tell').on('media_redactions').column('tell_ts').execute()
}
