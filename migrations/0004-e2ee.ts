import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await deviceKeys(db, t)
  await crossSigning(db, t)
  await toDevice(db, t)
  await backups(db, t)
}

async function deviceKeys(db: Kysely<unknown>, t: Types): Promise<void> {
  await db.schema
    .createTable('device_keys')
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('device_id', 'text', (c) => c.notNull())
    .addColumn('json', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('device_keys_pk', ['user_id', 'device_id'])
    .execute()
  await t
    .id(db.schema.createTable('one_time_keys'), 'otk_nid')
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('device_id', 'text', (c) => c.notNull())
    .addColumn('algorithm', 'text', (c) => c.notNull())
    .addColumn('key_id', 'text', (c) => c.notNull())
    .addColumn('json', 'text', (c) => c.notNull())
    .addColumn('claimed', 'integer', (c) => c.notNull())
    .addUniqueConstraint('one_time_keys_unique', ['user_id', 'device_id', 'algorithm', 'key_id'] as never)
    .execute()
  await db.schema
    .createIndex('one_time_keys_order')
    .on('one_time_keys')
    .columns(['user_id', 'device_id', 'claimed', 'algorithm', 'otk_nid'])
    .execute()
  await db.schema
    .createTable('fallback_keys')
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('device_id', 'text', (c) => c.notNull())
    .addColumn('algorithm', 'text', (c) => c.notNull())
    .addColumn('key_id', 'text', (c) => c.notNull())
    .addColumn('json', 'text', (c) => c.notNull())
    .addColumn('used', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('fallback_keys_pk', ['user_id', 'device_id', 'algorithm'])
    .execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('device_key_counts')
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addColumn('device_id', 'text', (c) => c.notNull())
        .addColumn('one_time_keys', 'text', (c) => c.notNull())
        .addColumn('unused_fallback', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('device_key_counts_pk', ['user_id', 'device_id'] as never),
    )
    .execute()
}

async function crossSigning(db: Kysely<unknown>, t: Types): Promise<void> {
  await db.schema
    .createTable('cross_signing_keys')
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('usage', 'text', (c) => c.notNull())
    .addColumn('public_key', 'text', (c) => c.notNull())
    .addColumn('json', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('cross_signing_keys_pk', ['user_id', 'usage'])
    .execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('key_signatures')
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addColumn('key_id', 'text', (c) => c.notNull())
        .addColumn('signer_user_id', 'text', (c) => c.notNull())
        .addColumn('signer_key_id', 'text', (c) => c.notNull())
        .addColumn('signature', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('key_signatures_pk', [
          'user_id',
          'signer_user_id',
          'key_id',
          'signer_key_id',
        ] as never),
    )
    .execute()
  await db.schema.createIndex('key_signatures_signer').on('key_signatures').column('signer_user_id').execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('device_list_changes')
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addColumn('observer', 'text', (c) => c.notNull())
        .addColumn('stream_pos', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('device_list_changes_pk', ['user_id', 'observer'] as never),
    )
    .execute()
  await db.schema
    .createIndex('device_list_changes_stream')
    .on('device_list_changes')
    .columns(['stream_pos', 'observer', 'user_id'])
    .execute()
  // Who came or went since a position is asked by every sync that looks for changed device lists.
  await db.schema.createIndex('memberships_stream').on('memberships').column('stream_pos').execute()
}

async function toDevice(db: Kysely<unknown>, t: Types): Promise<void> {
  await t
    .withoutRowid(
      db.schema
        .createTable('to_device_inbox')
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addColumn('device_id', 'text', (c) => c.notNull())
        .addColumn('stream_pos', 'bigint', (c) => c.notNull())
        .addColumn('json', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('to_device_inbox_pk', ['user_id', 'device_id', 'stream_pos'] as never),
    )
    .execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('to_device_txns')
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addColumn('device_id', 'text', (c) => c.notNull())
        .addColumn('event_type', 'text', (c) => c.notNull())
        .addColumn('txn_id', 'text', (c) => c.notNull())
        .addColumn('ts', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('to_device_txns_pk', ['user_id', 'device_id', 'event_type', 'txn_id'] as never),
    )
    .execute()
  await db.schema.createIndex('to_device_txns_ts').on('to_device_txns').column('ts').execute()
  await db.schema
    .createTable('dehydrated_devices')
    .addColumn('user_id', 'text', (c) => c.primaryKey())
    .addColumn('device_id', 'text', (c) => c.notNull())
    .addColumn('display_name', 'text')
    .addColumn('device_data', 'text', (c) => c.notNull())
    .execute()
}

async function backups(db: Kysely<unknown>, t: Types): Promise<void> {
  await db.schema
    .createTable('key_backups')
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('algorithm', 'text', (c) => c.notNull())
    .addColumn('auth_data', 'text', (c) => c.notNull())
    .addColumn('etag', 'bigint', (c) => c.notNull())
    .addColumn('key_count', 'bigint', (c) => c.notNull())
    .addColumn('deleted', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('key_backups_pk', ['user_id', 'version'])
    .execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('key_backup_sessions')
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addColumn('version', 'integer', (c) => c.notNull())
        .addColumn('room_id', 'text', (c) => c.notNull())
        .addColumn('session_id', 'text', (c) => c.notNull())
        .addColumn('first_message_index', 'bigint', (c) => c.notNull())
        .addColumn('forwarded_count', 'bigint', (c) => c.notNull())
        .addColumn('is_verified', 'integer', (c) => c.notNull())
        .addColumn('session_data', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('key_backup_sessions_pk', ['user_id', 'version', 'room_id', 'session_id'] as never),
    )
    .execute()
}
