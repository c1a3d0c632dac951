import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await t
    .id(db.schema.createTable('staged_events'), 'staged_nid')
    .addColumn('room_id', 'text', (c) => c.notNull())
    .addColumn('event_id', 'text', (c) => c.notNull().unique())
    .addColumn('origin', 'text', (c) => c.notNull())
    .addColumn('json', 'text', (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('retry_at', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('staged_events_room')
    .on('staged_events')
    .columns(['room_id', 'retry_at', 'staged_nid'])
    .execute()
  await db.schema.createIndex('staged_events_origin').on('staged_events').columns(['origin', 'room_id']).execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('event_gaps')
        .addColumn('prev_id', 'text', (c) => c.notNull())
        .addColumn('event_nid', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('event_gaps_pk', ['prev_id', 'event_nid'] as never),
    )
    .execute()
  await db.schema.createIndex('event_gaps_event').on('event_gaps').column('event_nid').execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('history_space')
        .addColumn('room_nid', 'bigint', (c) => c.notNull())
        .addColumn('high', 'bigint', (c) => c.notNull())
        .addColumn('low', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('history_space_pk', ['room_nid', 'high'] as never),
    )
    .execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('waiting_redactions')
        .addColumn('target_id', 'text', (c) => c.notNull())
        .addColumn('event_nid', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('waiting_redactions_pk', ['target_id', 'event_nid'] as never),
    )
    .execute()
}
