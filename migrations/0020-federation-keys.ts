import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await t
    .withoutRowid(
      db.schema
        .createTable('server_keys')
        .addColumn('server_name', 'text', (c) => c.notNull())
        .addColumn('key_id', 'text', (c) => c.notNull())
        .addColumn('public_key', 'text', (c) => c.notNull())
        .addColumn('valid_until_ts', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('server_keys_pk', ['server_name', 'key_id'] as never),
    )
    .execute()
  await db.schema
    .createTable('server_key_answers')
    .addColumn('server_name', 'text', (c) => c.primaryKey())
    .addColumn('answer', 'text', (c) => c.notNull())
    .addColumn('valid_until_ts', 'bigint', (c) => c.notNull())
    .addColumn('fetched_ts', 'bigint', (c) => c.notNull())
    .execute()
}
