import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await db.schema
    .createTable('presence')
    .addColumn('user_id', 'text', (c) => c.primaryKey())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('status_msg', 'text')
    .addColumn('last_active_ts', 'bigint')
    .addColumn('changed_at', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('presence_changed').on('presence').column('changed_at').execute()
  await t
    .id(db.schema.createTable('reports'), 'report_id')
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('reporter', 'text', (c) => c.notNull())
    .addColumn('room_id', 'text')
    .addColumn('event_id', 'text')
    .addColumn('user_id', 'text')
    .addColumn('reason', 'text')
    .addColumn('created_ts', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('openid_tokens')
    .addColumn('token_hash', 'text', (c) => c.primaryKey())
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('expires_ts', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('openid_tokens_user').on('openid_tokens').column('user_id').execute()
  await db.schema.createIndex('openid_tokens_expires').on('openid_tokens').column('expires_ts').execute()
}
