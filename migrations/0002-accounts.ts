import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await users(db, t)
  await sessions(db, t)
  await tokens(db)
  await userData(db, t)
}

async function users(db: Kysely<unknown>, t: Types): Promise<void> {
  await db.schema
    .createTable('users')
    .addColumn('user_id', 'text', (c) => c.primaryKey())
    .addColumn('password_hash', 'text')
    .addColumn('created_ts', 'bigint', (c) => c.notNull())
    .addColumn('is_admin', 'integer', (c) => c.notNull())
    .addColumn('is_guest', 'integer', (c) => c.notNull())
    .addColumn('is_locked', 'integer', (c) => c.notNull())
    .addColumn('is_suspended', 'integer', (c) => c.notNull())
    .addColumn('deactivated_ts', 'bigint')
    .addColumn('is_erased', 'integer', (c) => c.notNull())
    .addColumn('appservice_id', 'text')
    .addColumn('user_type', 'text')
    .addColumn('expires_ts', 'bigint')
    .execute()
  await db.schema.createIndex('users_expires').on('users').column('expires_ts').execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('profile_fields')
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('value', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('profile_fields_pk', ['user_id', 'name'] as never),
    )
    .execute()
}

async function sessions(db: Kysely<unknown>, t: Types): Promise<void> {
  await t
    .withoutRowid(
      db.schema
        .createTable('devices')
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addColumn('device_id', 'text', (c) => c.notNull())
        .addColumn('display_name', 'text')
        .addColumn('created_ts', 'bigint', (c) => c.notNull())
        .addColumn('last_seen_ts', 'bigint')
        .addColumn('last_seen_ip', 'text')
        .addColumn('last_seen_user_agent', 'text')
        .addPrimaryKeyConstraint('devices_pk', ['user_id', 'device_id'] as never),
    )
    .execute()
  await t
    .id(db.schema.createTable('sessions'), 'session_id')
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('device_id', 'text', (c) => c.notNull())
    .addColumn('created_ts', 'bigint', (c) => c.notNull())
    .addUniqueConstraint('sessions_device', ['user_id', 'device_id'] as never)
    .execute()
  await t
    .id(db.schema.createTable('session_tokens'), 'token_nid')
    .addColumn('session_id', 'bigint', (c) => c.notNull())
    .addColumn('access_hash', 'text', (c) => c.notNull().unique())
    .addColumn('refresh_hash', 'text', (c) => c.unique())
    .addColumn('expires_ts', 'bigint')
    .addColumn('is_used', 'integer', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('session_tokens_session').on('session_tokens').column('session_id').execute()
}

async function tokens(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('login_tokens')
    .addColumn('token_hash', 'text', (c) => c.primaryKey())
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('expires_ts', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('registration_tokens')
    .addColumn('token', 'text', (c) => c.primaryKey())
    .addColumn('uses_allowed', 'integer')
    .addColumn('completed', 'integer', (c) => c.notNull())
    .addColumn('expires_ts', 'bigint')
    .addColumn('created_ts', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('uia_sessions')
    .addColumn('uia_id', 'text', (c) => c.primaryKey())
    .addColumn('expires_ts', 'bigint', (c) => c.notNull())
    .addColumn('data', 'text', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('uia_sessions_expires').on('uia_sessions').column('expires_ts').execute()
}

async function userData(db: Kysely<unknown>, t: Types): Promise<void> {
  await t
    .withoutRowid(
      db.schema
        .createTable('account_data')
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addColumn('room_id', 'text', (c) => c.notNull())
        .addColumn('type', 'text', (c) => c.notNull())
        .addColumn('content', 'text', (c) => c.notNull())
        .addColumn('is_deleted', 'integer', (c) => c.notNull())
        .addColumn('stream_pos', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('account_data_pk', ['user_id', 'room_id', 'type'] as never),
    )
    .execute()
  await db.schema.createIndex('account_data_stream').on('account_data').columns(['user_id', 'stream_pos']).execute()
  await t
    .id(db.schema.createTable('filters'), 'filter_nid')
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('json', 'text', (c) => c.notNull())
    .addUniqueConstraint('filters_unique', ['user_id', 'digest'] as never)
    .execute()
}
