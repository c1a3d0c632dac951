import type { Kysely } from 'kysely'
import type { Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  const participants = db.schema
    .createTable('livekit_participants')
    .addColumn('livekit_room', 'text', (c) => c.notNull())
    .addColumn('identity', 'text', (c) => c.notNull())
    .addColumn('room_id', 'text', (c) => c.notNull())
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('device_id', 'text')
    .addColumn('granted_ts', 'bigint', (c) => c.notNull())
    .addColumn('phase', 'text', (c) => c.notNull())
    .addColumn('sid', 'text')
    .addColumn('session_ts', 'bigint', (c) => c.notNull())
    .addColumn('phase_ts', 'bigint', (c) => c.notNull())
    .addColumn('delay_id', 'text')
    .addColumn('restart_ts', 'bigint')
    .addPrimaryKeyConstraint('livekit_participants_pk', ['livekit_room', 'identity'] as never)
  await t.withoutRowid(participants).execute()
  await db.schema
    .createIndex('livekit_participants_room')
    .on('livekit_participants')
    .columns(['room_id', 'user_id', 'granted_ts'])
    .execute()
}
