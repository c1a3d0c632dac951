import type { Kysely } from 'kysely'

export async function up({ db }: { db: Kysely<unknown> }): Promise<void> {
  await db.schema
    .createIndex('events_time')
    .on('events')
    .columns(['room_nid', 'origin_server_ts', 'stream_pos'])
    .execute()
}
