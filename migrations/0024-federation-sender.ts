import type { Kysely } from 'kysely'
import type { Builder, Types } from './types.ts'

export async function up({ db, t }: { db: Kysely<unknown>; t: Types }): Promise<void> {
  await queues(db, t)
  await outgoingDevices(db, t)
  await remoteDevices(db, t)
}

function keyed(t: Types, table: Builder, name: string, columns: string[]) {
  return t.withoutRowid(table.addPrimaryKeyConstraint(`${name}_pk`, columns as never)).execute()
}

async function queues(db: Kysely<unknown>, t: Types): Promise<void> {
  await db.schema
    .createTable('federation_destinations')
    .addColumn('destination', 'text', (c) => c.primaryKey())
    .addColumn('txn_id', 'text')
    .addColumn('txn_pos', 'bigint', (c) => c.notNull())
    .addColumn('txn_edus', 'text', (c) => c.notNull())
    .addColumn('txn_ts', 'bigint', (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('refusals', 'integer', (c) => c.notNull())
    .addColumn('failing_since', 'bigint')
    .addColumn('failed_ts', 'bigint', (c) => c.notNull())
    .addColumn('retry_ts', 'bigint', (c) => c.notNull())
    .addColumn('last_error', 'text')
    .addColumn('sent_pos', 'bigint')
    .execute()
  const queue = db.schema
    .createTable('federation_queue')
    .addColumn('destination', 'text', (c) => c.notNull())
    .addColumn('stream_pos', 'bigint', (c) => c.notNull())
    .addColumn('room_nid', 'bigint', (c) => c.notNull())
    .addColumn('event_nid', 'bigint', (c) => c.notNull())
  await keyed(t, queue, 'federation_queue', ['destination', 'stream_pos'])
  const servers = db.schema
    .createTable('federation_room_servers')
    .addColumn('room_nid', 'bigint', (c) => c.notNull())
    .addColumn('server', 'text', (c) => c.notNull())
    .addColumn('denied', 'integer', (c) => c.notNull())
  await keyed(t, servers, 'federation_room_servers', ['room_nid', 'server'])
  await db.schema
    .createIndex('federation_room_servers_server')
    .on('federation_room_servers')
    .columns(['server', 'room_nid'])
    .execute()
}

async function outgoingDevices(db: Kysely<unknown>, t: Types): Promise<void> {
  const news = db.schema
    .createTable('federation_device_news')
    .addColumn('destination', 'text', (c) => c.notNull())
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('device_id', 'text', (c) => c.notNull())
    .addColumn('stream_pos', 'bigint', (c) => c.notNull())
  await keyed(t, news, 'federation_device_news', ['destination', 'user_id', 'device_id'])
  const streams = db.schema
    .createTable('federation_device_streams')
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('destination', 'text', (c) => c.notNull())
    .addColumn('stream_id', 'bigint', (c) => c.notNull())
  await keyed(t, streams, 'federation_device_streams', ['user_id', 'destination'])
  await t
    .id(db.schema.createTable('federation_to_device'), 'message_nid')
    .addColumn('destination', 'text', (c) => c.notNull())
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('json', 'text', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('federation_to_device_destination')
    .on('federation_to_device')
    .columns(['destination', 'message_nid'])
    .execute()
}

async function remoteDevices(db: Kysely<unknown>, t: Types): Promise<void> {
  await db.schema
    .createTable('remote_device_lists')
    .addColumn('user_id', 'text', (c) => c.primaryKey())
    .addColumn('server', 'text', (c) => c.notNull())
    .addColumn('stream_id', 'bigint', (c) => c.notNull())
    .addColumn('is_current', 'integer', (c) => c.notNull())
    .addColumn('is_fetched', 'integer', (c) => c.notNull())
    .addColumn('untold', 'integer', (c) => c.notNull())
    .addColumn('version', 'bigint', (c) => c.notNull())
    .addColumn('master_key', 'text')
    .addColumn('self_signing_key', 'text')
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('retry_ts', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('remote_device_lists_waiting')
    .on('remote_device_lists')
    .columns(['is_current', 'server'])
    .execute()
  const devices = db.schema
    .createTable('remote_devices')
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('device_id', 'text', (c) => c.notNull())
    .addColumn('display_name', 'text')
    .addColumn('json', 'text', (c) => c.notNull())
  await keyed(t, devices, 'remote_devices', ['user_id', 'device_id'])
  const messages = db.schema
    .createTable('received_device_messages')
    .addColumn('sender', 'text', (c) => c.notNull())
    .addColumn('message_id', 'text', (c) => c.notNull())
    .addColumn('ts', 'bigint', (c) => c.notNull())
  await keyed(t, messages, 'received_device_messages', ['sender', 'message_id'])
  await db.schema.createIndex('received_device_messages_ts').on('received_device_messages').column('ts').execute()
}
