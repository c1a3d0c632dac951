import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  const keeps = db.schema
    .createTable('media_keeps')
    .addColumn('media_nid', 'bigint', (c) => c.notNull())
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('media_keeps_pk', ['media_nid', 'user_id'] as never)
  await t.withoutRowid(keeps).execute()
  await db.schema.createIndex('media_keeps_user').on('media_keeps').column('user_id').execute()
}
