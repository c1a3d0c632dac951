import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await db.schema
    .alterTable('rooms')
    .addColumn('is_partial', 'integer', (c) => c.notNull().defaultTo(0))
    .execute()
  await db.schema.alterTable('rooms').addColumn('complete_pos', 'bigint').execute()
  await db.schema
    .createTable('partial_rooms')
    .addColumn('room_nid', 'bigint', (c) => c.primaryKey())
    .addColumn('join_nid', 'bigint', (c) => c.notNull())
    .addColumn('base_nid', 'bigint', (c) => c.notNull())
    .addColumn('resident', 'text', (c) => c.notNull())
    .addColumn('servers', 'text', (c) => c.notNull())
    .execute()
}
