import type { Kysely } from 'kysely'

export async function up({ db }: { db: Kysely<unknown> }): Promise<void> {
  await db.schema
    .createTable('notice_rooms')
    .addColumn('user_id', 'text', (c) => c.primaryKey())
    .addColumn('room_id', 'text', (c) => c.notNull())
    .execute()
}
