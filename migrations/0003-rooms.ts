import { type Kysely, sql } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await t
    .id(db.schema.createTable('rooms'), 'room_nid')
    .addColumn('room_id', 'text', (c) => c.notNull().unique())
    .addColumn('version', 'text', (c) => c.notNull())
    .addColumn('extremities', 'text', (c) => c.notNull())
    .addColumn('state_nid', 'bigint')
    .addColumn('last_pos', 'bigint', (c) => c.notNull())
    .addColumn('bump_pos', 'bigint', (c) => c.notNull())
    .addColumn('is_public', 'integer', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('rooms_last_pos').on('rooms').column('last_pos').execute()
  await events(db, t)
  await relations(db, t)
  await states(db, t)
  await people(db, t)
}

async function events(db: Kysely<unknown>, t: Types): Promise<void> {
  await t
    .id(db.schema.createTable('events'), 'event_nid')
    .addColumn('event_id', 'text', (c) => c.notNull().unique())
    .addColumn('room_nid', 'bigint', (c) => c.notNull())
    .addColumn('stream_pos', 'bigint')
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('sender', 'text', (c) => c.notNull())
    .addColumn('state_key', 'text')
    .addColumn('depth', 'bigint', (c) => c.notNull())
    .addColumn('origin_server_ts', 'bigint', (c) => c.notNull())
    .addColumn('before_nid', 'bigint')
    .addColumn('state_nid', 'bigint')
    .addColumn('current_nid', 'bigint')
    .addColumn('status', 'integer', (c) => c.notNull())
    .addColumn('redacted_by', 'text')
    .addColumn('thread_id', 'text')
    .addColumn('txn_device', 'text')
    .addColumn('txn_id', 'text')
    .addColumn('delay_id', 'text')
    .addColumn('json', 'text', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('events_timeline').on('events').columns(['room_nid', 'stream_pos']).execute()
  await db.schema.createIndex('events_stream').on('events').column('stream_pos').execute()
  await sql`create index events_state on events (room_nid, type, state_key, stream_pos) where state_key is not null`.execute(
    db,
  )
  await sql`create index events_txn on events (txn_id, txn_device) where txn_id is not null`.execute(db)
  await sql`create index events_thread on events (thread_id, stream_pos) where thread_id is not null`.execute(db)
  for (const [table, to] of [
    ['event_edges', 'prev_nid'],
    ['event_auth', 'auth_nid'],
  ] as const) {
    await t
      .withoutRowid(
        db.schema
          .createTable(table)
          .addColumn('event_nid', 'bigint', (c) => c.notNull())
          .addColumn(to, 'bigint', (c) => c.notNull())
          .addPrimaryKeyConstraint(`${table}_pk`, ['event_nid', to] as never),
      )
      .execute()
  }
}

async function relations(db: Kysely<unknown>, t: Types): Promise<void> {
  await db.schema
    .createTable('relations')
    .addColumn('event_nid', 'bigint', (c) => c.primaryKey())
    .addColumn('room_nid', 'bigint', (c) => c.notNull())
    .addColumn('stream_pos', 'bigint', (c) => c.notNull())
    .addColumn('parent_id', 'text', (c) => c.notNull())
    .addColumn('grandparent_id', 'text')
    .addColumn('great_grandparent_id', 'text')
    .addColumn('rel_type', 'text', (c) => c.notNull())
    .addColumn('sender', 'text', (c) => c.notNull())
    .addColumn('origin_server_ts', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('relations_parent')
    .on('relations')
    .columns(['parent_id', 'stream_pos', 'rel_type'])
    .execute()
  for (const ancestor of ['grandparent', 'great_grandparent']) {
    const column = sql.ref(`${ancestor}_id`)
    const name = sql.ref(`relations_${ancestor}`)
    await sql`create index ${name} on relations (${column}, stream_pos, rel_type) where ${column} is not null`.execute(
      db,
    )
  }
  await db.schema
    .createIndex('relations_sender')
    .on('relations')
    .columns(['parent_id', 'rel_type', 'sender', 'origin_server_ts'])
    .execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('threads')
        .addColumn('room_nid', 'bigint', (c) => c.notNull())
        .addColumn('root_id', 'text', (c) => c.notNull())
        .addColumn('replies', 'bigint', (c) => c.notNull())
        .addColumn('latest_pos', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('threads_pk', ['room_nid', 'root_id'] as never),
    )
    .execute()
  await db.schema.createIndex('threads_latest').on('threads').columns(['room_nid', 'latest_pos']).execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('thread_subscriptions')
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addColumn('room_nid', 'bigint', (c) => c.notNull())
        .addColumn('root_id', 'text', (c) => c.notNull())
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('stream_pos', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('thread_subscriptions_pk', ['user_id', 'room_nid', 'root_id'] as never),
    )
    .execute()
  await db.schema
    .createIndex('thread_subscriptions_thread')
    .on('thread_subscriptions')
    .columns(['room_nid', 'root_id'])
    .execute()
  await db.schema
    .createIndex('thread_subscriptions_changes')
    .on('thread_subscriptions')
    .columns(['user_id', 'stream_pos'])
    .execute()
}

async function states(db: Kysely<unknown>, t: Types): Promise<void> {
  await t
    .id(db.schema.createTable('state_keys'), 'key_nid')
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('state_key', 'text', (c) => c.notNull())
    .addUniqueConstraint('state_keys_unique', ['type', 'state_key'] as never)
    .execute()
  await t
    .id(db.schema.createTable('states'), 'state_nid')
    .addColumn('room_nid', 'bigint', (c) => c.notNull())
    .addColumn('depth', 'integer', (c) => c.notNull())
    .addColumn('base_nid', 'bigint')
    .addColumn('digest', 'text', (c) => c.notNull())
    .addUniqueConstraint('states_digest', ['room_nid', 'digest'] as never)
    .execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('state_changes')
        .addColumn('state_nid', 'bigint', (c) => c.notNull())
        .addColumn('key_nid', 'bigint', (c) => c.notNull())
        .addColumn('event_nid', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('state_changes_pk', ['state_nid', 'key_nid'] as never),
    )
    .execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('current_state')
        .addColumn('room_nid', 'bigint', (c) => c.notNull())
        .addColumn('type', 'text', (c) => c.notNull())
        .addColumn('state_key', 'text', (c) => c.notNull())
        .addColumn('event_nid', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('current_state_pk', ['room_nid', 'type', 'state_key'] as never),
    )
    .execute()
}

async function people(db: Kysely<unknown>, t: Types): Promise<void> {
  await t
    .withoutRowid(
      db.schema
        .createTable('memberships')
        .addColumn('room_nid', 'bigint', (c) => c.notNull())
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addColumn('membership', 'text', (c) => c.notNull())
        .addColumn('event_nid', 'bigint', (c) => c.notNull())
        .addColumn('stream_pos', 'bigint', (c) => c.notNull())
        .addColumn('sender', 'text', (c) => c.notNull())
        .addColumn('display_name', 'text')
        .addColumn('avatar_url', 'text')
        .addColumn('is_local', 'integer', (c) => c.notNull())
        .addColumn('forgotten', 'integer', (c) => c.notNull())
        .addColumn('stripped_state', 'text')
        .addPrimaryKeyConstraint('memberships_pk', ['room_nid', 'user_id'] as never),
    )
    .execute()
  await db.schema.createIndex('memberships_user').on('memberships').columns(['user_id', 'membership']).execute()
  await db.schema.createIndex('memberships_changes').on('memberships').columns(['user_id', 'stream_pos']).execute()
  await db.schema
    .createTable('room_aliases')
    .addColumn('alias', 'text', (c) => c.primaryKey())
    .addColumn('room_nid', 'bigint', (c) => c.notNull())
    .addColumn('creator', 'text', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('room_aliases_room').on('room_aliases').column('room_nid').execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('receipts')
        .addColumn('room_nid', 'bigint', (c) => c.notNull())
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addColumn('receipt_type', 'text', (c) => c.notNull())
        .addColumn('thread_id', 'text', (c) => c.notNull())
        .addColumn('event_id', 'text', (c) => c.notNull())
        .addColumn('event_pos', 'bigint', (c) => c.notNull())
        .addColumn('ts', 'bigint', (c) => c.notNull())
        .addColumn('stream_pos', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('receipts_pk', ['room_nid', 'user_id', 'receipt_type', 'thread_id'] as never),
    )
    .execute()
  await db.schema.createIndex('receipts_stream').on('receipts').column('stream_pos').execute()
}
