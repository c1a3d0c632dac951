import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await db.schema
    .createTable('delayed_events')
    .addColumn('delay_id', 'text', (c) => c.primaryKey())
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('device_id', 'text', (c) => c.notNull())
    .addColumn('txn_id', 'text')
    .addColumn('room_id', 'text', (c) => c.notNull())
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('state_key', 'text')
    .addColumn('content', 'text', (c) => c.notNull())
    .addColumn('sticky', 'text')
    .addColumn('delay', 'bigint', (c) => c.notNull())
    .addColumn('since_ts', 'bigint', (c) => c.notNull())
    .addColumn('due_ts', 'bigint')
    .addColumn('outcome', 'text')
    .addColumn('event_id', 'text')
    .addColumn('error', 'text')
    .addColumn('finalised_ts', 'bigint')
    .addUniqueConstraint('delayed_events_txn', ['user_id', 'device_id', 'txn_id', 'room_id', 'type'])
    .execute()
  await db.schema.createIndex('delayed_events_due').on('delayed_events').columns(['due_ts', 'room_id']).execute()
  await db.schema.createIndex('delayed_events_user').on('delayed_events').columns(['user_id', 'since_ts']).execute()
  await db.schema.createIndex('delayed_events_finalised').on('delayed_events').column('finalised_ts').execute()
}
