import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await db.schema
    .createTable('renewal_mails')
    .addColumn('user_id', 'text', (c) => c.primaryKey())
    .addColumn('end_ts', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('renewal_tokens')
    .addColumn('token_hash', 'text', (c) => c.primaryKey())
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('end_ts', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('renewal_tokens_user').on('renewal_tokens').column('user_id').execute()
}
