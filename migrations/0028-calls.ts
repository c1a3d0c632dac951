import { type Kysely, sql } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await t
    .id(db.schema.createTable('calls'), 'call_nid')
    .addColumn('call_id', 'text', (c) => c.notNull().unique())
    .addColumn('room_id', 'text', (c) => c.notNull())
    .addColumn('caller', 'text', (c) => c.notNull())
    .addColumn('callee', 'text')
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('outcome', 'text', (c) => c.notNull())
    .addColumn('started_ts', 'bigint', (c) => c.notNull())
    .addColumn('ended_ts', 'bigint')
    .addColumn('prompt_reason', 'text')
    .addColumn('note_event_id', 'text')
    .addColumn('due_ts', 'bigint')
    .addColumn('state', 'text')
    .execute()
  await sql`create index calls_live on calls (room_id) where state is not null`.execute(db)
  await db.schema.createIndex('calls_started').on('calls').column('started_ts').execute()
  await db.schema.createIndex('calls_between').on('calls').columns(['caller', 'callee', 'started_ts']).execute()
  await t
    .withoutRowid(
      db.schema
        .createTable('call_parties')
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addColumn('call_nid', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('call_parties_pk', ['user_id', 'call_nid']),
    )
    .execute()
  await db.schema.createIndex('call_parties_call').on('call_parties').column('call_nid').execute()
}
