import { type Kysely, sql } from 'kysely'
import type { Builder, Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await rules(db, t)
  await totals(db, t)
  await members(db, t)
  await highlights(db, t)
  await pushers(db, t)
}

function keyed(t: Types, table: Builder, name: string, columns: string[]) {
  return t.withoutRowid(table.addPrimaryKeyConstraint(`${name}_pk`, columns as never))
}

async function rules(db: Kysely<unknown>, t: Types): Promise<void> {
  await db.schema
    .createTable('push_rules')
    .addColumn('user_id', 'text', (c) => c.primaryKey())
    .addColumn('rules', 'text', (c) => c.notNull())
    .addColumn('stream_pos', 'bigint', (c) => c.notNull())
    .execute()
  await t
    .id(db.schema.createTable('push_classes'), 'class_nid')
    .addColumn('digest', 'text', (c) => c.notNull().unique())
    .addColumn('rules', 'text', (c) => c.notNull())
    .execute()
  const roomClasses = db.schema
    .createTable('push_room_classes')
    .addColumn('room_nid', 'bigint', (c) => c.notNull())
    .addColumn('is_used', 'integer', (c) => c.notNull())
    .addColumn('class_nid', 'bigint', (c) => c.notNull())
  await keyed(t, roomClasses, 'push_room_classes', ['room_nid', 'is_used', 'class_nid']).execute()
}

async function totals(db: Kysely<unknown>, t: Types): Promise<void> {
  const series = db.schema
    .createTable('push_totals')
    .addColumn('room_nid', 'bigint', (c) => c.notNull())
    .addColumn('class_nid', 'bigint', (c) => c.notNull())
    .addColumn('series', 'text', (c) => c.notNull())
    .addColumn('pos', 'bigint', (c) => c.notNull())
    .addColumn('notifications', 'bigint', (c) => c.notNull())
    .addColumn('highlights', 'bigint', (c) => c.notNull())
    .addColumn('thread_notifications', 'bigint', (c) => c.notNull())
    .addColumn('thread_highlights', 'bigint', (c) => c.notNull())
    .addColumn('marks', 'text')
  await keyed(t, series, 'push_totals', ['room_nid', 'class_nid', 'series', 'pos']).execute()
  const threads = db.schema
    .createTable('push_threads')
    .addColumn('room_nid', 'bigint', (c) => c.notNull())
    .addColumn('thread_id', 'text', (c) => c.notNull())
    .addColumn('last_pos', 'bigint', (c) => c.notNull())
  await keyed(t, threads, 'push_threads', ['room_nid', 'thread_id']).execute()
  await db.schema.createIndex('push_threads_last').on('push_threads').columns(['room_nid', 'last_pos']).execute()
  const redactions = db.schema
    .createTable('push_redactions')
    .addColumn('room_nid', 'bigint', (c) => c.notNull())
    .addColumn('pos', 'bigint', (c) => c.notNull())
    .addColumn('class_nid', 'bigint', (c) => c.notNull())
    .addColumn('thread_id', 'text', (c) => c.notNull())
    .addColumn('notifications', 'integer', (c) => c.notNull())
    .addColumn('highlights', 'integer', (c) => c.notNull())
  await keyed(t, redactions, 'push_redactions', ['room_nid', 'pos', 'class_nid']).execute()
}

async function members(db: Kysely<unknown>, t: Types): Promise<void> {
  const rows = db.schema
    .createTable('push_members')
    .addColumn('room_nid', 'bigint', (c) => c.notNull())
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('class_nid', 'bigint', (c) => c.notNull())
    .addColumn('past_classes', 'text', (c) => c.notNull())
    .addColumn('floor_pos', 'bigint', (c) => c.notNull())
    .addColumn('room_notifications', 'bigint', (c) => c.notNull())
    .addColumn('room_highlights', 'bigint', (c) => c.notNull())
    .addColumn('main_pos', 'bigint', (c) => c.notNull())
    .addColumn('main_notifications', 'bigint', (c) => c.notNull())
    .addColumn('main_highlights', 'bigint', (c) => c.notNull())
    .addColumn('has_pusher', 'integer', (c) => c.notNull().defaultTo(0))
  await keyed(t, rows, 'push_members', ['room_nid', 'user_id']).execute()
  await db.schema.createIndex('push_members_user').on('push_members').column('user_id').execute()
  await sql`create index push_members_class on push_members (room_nid, class_nid) where class_nid <> 0`.execute(db)
  await sql`create index push_members_pusher on push_members (room_nid, class_nid, user_id) where has_pusher = 1`.execute(
    db,
  )
  const reads = db.schema
    .createTable('push_reads')
    .addColumn('room_nid', 'bigint', (c) => c.notNull())
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('thread_id', 'text', (c) => c.notNull())
    .addColumn('pos', 'bigint', (c) => c.notNull())
  await keyed(t, reads, 'push_reads', ['room_nid', 'user_id', 'thread_id']).execute()
  const exceptions = db.schema
    .createTable('push_exceptions')
    .addColumn('room_nid', 'bigint', (c) => c.notNull())
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('pos', 'bigint', (c) => c.notNull())
    .addColumn('thread_id', 'text', (c) => c.notNull())
    .addColumn('notifications', 'integer', (c) => c.notNull())
    .addColumn('highlights', 'integer', (c) => c.notNull())
  await keyed(t, exceptions, 'push_exceptions', ['room_nid', 'user_id', 'pos']).execute()
  await db.schema.createIndex('push_exceptions_pos').on('push_exceptions').columns(['room_nid', 'pos']).execute()
}

async function highlights(db: Kysely<unknown>, t: Types): Promise<void> {
  const ofUsers = db.schema
    .createTable('push_highlights')
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('pos', 'bigint', (c) => c.notNull())
    .addColumn('room_nid', 'bigint', (c) => c.notNull())
    .addColumn('event_nid', 'bigint', (c) => c.notNull())
  await keyed(t, ofUsers, 'push_highlights', ['user_id', 'pos']).execute()
  const ofClasses = db.schema
    .createTable('push_class_highlights')
    .addColumn('room_nid', 'bigint', (c) => c.notNull())
    .addColumn('class_nid', 'bigint', (c) => c.notNull())
    .addColumn('pos', 'bigint', (c) => c.notNull())
    .addColumn('event_nid', 'bigint', (c) => c.notNull())
  await keyed(t, ofClasses, 'push_class_highlights', ['room_nid', 'class_nid', 'pos']).execute()
}

async function pushers(db: Kysely<unknown>, t: Types): Promise<void> {
  const rows = db.schema
    .createTable('pushers')
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('app_id', 'text', (c) => c.notNull())
    .addColumn('pushkey', 'text', (c) => c.notNull())
    .addColumn('device_id', 'text')
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('app_display_name', 'text', (c) => c.notNull())
    .addColumn('device_display_name', 'text', (c) => c.notNull())
    .addColumn('profile_tag', 'text')
    .addColumn('lang', 'text', (c) => c.notNull())
    .addColumn('data', 'text', (c) => c.notNull())
    .addColumn('created_ts', 'bigint', (c) => c.notNull())
    .addColumn('set_ts', 'bigint', (c) => c.notNull())
    .addColumn('enabled', 'integer', (c) => c.notNull())
    .addColumn('gateway', 'text', (c) => c.notNull())
    .addColumn('position', 'bigint', (c) => c.notNull())
    .addColumn('badge', 'bigint')
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('retry_ts', 'bigint')
    .addColumn('last_error', 'text')
    .addColumn('mailed', 'text')
    .addColumn('unsubscribe_hash', 'text')
  await keyed(t, rows, 'pushers', ['user_id', 'app_id', 'pushkey']).execute()
  await db.schema.createIndex('pushers_pushkey').on('pushers').columns(['app_id', 'pushkey']).execute()
  await db.schema.createIndex('pushers_unsubscribe').on('pushers').column('unsubscribe_hash').execute()
}
