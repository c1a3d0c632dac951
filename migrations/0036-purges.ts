import type { Kysely } from 'kysely'

export async function up({ db }: { db: Kysely<unknown> }): Promise<void> {
  await db.schema
    .createTable('purges')
    .addColumn('purge_id', 'text', (c) => c.primaryKey())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('room_id', 'text', (c) => c.notNull())
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('request', 'text', (c) => c.notNull())
    .addColumn('result', 'text')
    .addColumn('error', 'text')
    .addColumn('requested_by', 'text', (c) => c.notNull())
    .addColumn('created_ts', 'bigint', (c) => c.notNull())
    .addColumn('ended_ts', 'bigint')
    .execute()
  await db.schema.createIndex('purges_room').on('purges').columns(['room_id', 'created_ts']).execute()
  await db.schema.createIndex('purges_ended').on('purges').column('ended_ts').execute()
  await db.schema
    .createTable('room_blocks')
    .addColumn('room_id', 'text', (c) => c.primaryKey())
    .addColumn('blocked_by', 'text', (c) => c.notNull())
    .addColumn('blocked_ts', 'bigint', (c) => c.notNull())
    .execute()
  // What a room that goes takes with it.
  for (const table of ['calls', 'voicemail_notes', 'voicemail_links', 'delayed_events'] as const) {
    await db.schema.createIndex(`${table}_room`).on(table).column('room_id').execute()
  }
}
