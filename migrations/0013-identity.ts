import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await t
    .withoutRowid(
      db.schema
        .createTable('threepids')
        .addColumn('medium', 'text', (c) => c.notNull())
        .addColumn('address', 'text', (c) => c.notNull())
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addColumn('validated_ts', 'bigint', (c) => c.notNull())
        .addColumn('added_ts', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('threepids_pk', ['medium', 'address'] as never),
    )
    .execute()
  await db.schema.createIndex('threepids_user').on('threepids').column('user_id').execute()
  await db.schema
    .createTable('email_validations')
    .addColumn('sid', 'text', (c) => c.primaryKey())
    .addColumn('purpose', 'text', (c) => c.notNull())
    .addColumn('address', 'text', (c) => c.notNull())
    .addColumn('secret_hash', 'text', (c) => c.notNull())
    .addColumn('send_attempt', 'bigint', (c) => c.notNull())
    .addColumn('token_hashes', 'text', (c) => c.notNull())
    .addColumn('next_link', 'text')
    .addColumn('validated_ts', 'bigint')
    .addColumn('expires_ts', 'bigint', (c) => c.notNull())
    .addUniqueConstraint('email_validations_attempt', ['address', 'secret_hash', 'purpose'] as never)
    .execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('threepid_bindings')
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addColumn('medium', 'text', (c) => c.notNull())
        .addColumn('address', 'text', (c) => c.notNull())
        .addColumn('id_server', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('threepid_bindings_pk', ['user_id', 'medium', 'address', 'id_server'] as never),
    )
    .execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('external_ids')
        .addColumn('provider_id', 'text', (c) => c.notNull())
        .addColumn('subject', 'text', (c) => c.notNull())
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addColumn('created_ts', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('external_ids_pk', ['provider_id', 'subject'] as never),
    )
    .execute()
  await db.schema.createIndex('external_ids_user').on('external_ids').column('user_id').execute()
  await db.schema
    .createTable('sso_sessions')
    .addColumn('session_hash', 'text', (c) => c.primaryKey())
    .addColumn('data', 'text', (c) => c.notNull())
    .addColumn('expires_ts', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('sso_sessions_expires').on('sso_sessions').column('expires_ts').execute()
  await db.schema
    .createTable('erased_users')
    .addColumn('user_id', 'text', (c) => c.primaryKey())
    .addColumn('stream_pos', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('email_validations_expires').on('email_validations').column('expires_ts').execute()
}
