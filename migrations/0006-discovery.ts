import { type Kysely, sql } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await db.schema
    .createIndex('events_time')
    .on('events')
    .columns(['room_nid', 'origin_server_ts', 'stream_pos'])
    .execute()
  await db.schema
    .createTable('user_directory')
    .addColumn('user_id', 'text', (c) => c.primaryKey())
    .addColumn('display_name', 'text')
    .addColumn('avatar_url', 'text')
    .execute()
  // Beginnings of words are looked up as ranges, which the database's own order of letters would spoil.
  const word = t.engine === 'sqlite' ? sql`text` : sql`text collate "C"`
  await t
    .withoutRowid(
      db.schema
        .createTable('user_directory_words')
        .addColumn('word', word, (c) => c.notNull())
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('user_directory_words_pk', ['word', 'user_id'] as never),
    )
    .execute()
  await db.schema.createIndex('user_directory_words_user').on('user_directory_words').column('user_id').execute()
  await db.schema
    .createTable('open_rooms')
    .addColumn('room_nid', 'bigint', (c) => c.primaryKey())
    .execute()
}
