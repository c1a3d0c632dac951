import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await db.schema.alterTable('rooms').addColumn('cited_nid', 'bigint').execute()
  const furtherEnds = db.schema
    .createTable('further_ends')
    .addColumn('room_nid', 'bigint', (c) => c.notNull())
    .addColumn('event_nid', 'bigint', (c) => c.notNull())
    .addColumn('event_id', 'text', (c) => c.notNull())
    .addColumn('depth', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('further_ends_pk', ['room_nid', 'event_nid'] as never)
  await t.withoutRowid(furtherEnds).execute()
}
