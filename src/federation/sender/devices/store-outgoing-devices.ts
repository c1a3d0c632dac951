import { sql } from 'kysely'
import type { Reader, Tx } from '../../../db/database.ts'
import { prepare } from '../../../db/prepare.ts'

export interface DeviceChange {
  readonly userId: string
  /** Empty: the cross-signing keys. */
  readonly deviceId: string
  readonly position: number
}

export interface DeviceNewsRow {
  readonly user_id: string
  readonly device_id: string
  readonly stream_pos: number
}

const toServers = prepare((qb, p: DeviceChange) =>
  qb
    .insertInto('federation_device_news')
    .columns(['destination', 'user_id', 'device_id', 'stream_pos'])
    .expression((eb) =>
      eb
        .selectFrom('memberships as me')
        .innerJoin('federation_room_servers as s', 's.room_nid', 'me.room_nid')
        .select([
          's.server',
          'me.user_id',
          sql<string>`cast(${p.deviceId} as text)`.as('device_id'),
          sql<number>`cast(${p.position} as bigint)`.as('stream_pos'),
        ])
        .distinct()
        .where('me.user_id', '=', p.userId)
        .where('me.membership', '=', 'join')
        .where('s.denied', '=', 0),
    )
    .onConflict((c) =>
      c
        .columns(['destination', 'user_id', 'device_id'])
        .doUpdateSet((eb) => ({ stream_pos: eb.ref('excluded.stream_pos') })),
    )
    .returning('destination'),
)
const breakOff = prepare((qb, p: { userId: string }) =>
  qb
    .deleteFrom('federation_device_streams')
    .where('user_id', '=', p.userId)
    .where('destination', 'not in', (eb) =>
      eb
        .selectFrom('memberships as me')
        .innerJoin('federation_room_servers as s', 's.room_nid', 'me.room_nid')
        .select('s.server')
        .where('me.user_id', '=', p.userId)
        .where('me.membership', '=', 'join')
        .where('s.denied', '=', 0),
    ),
)
const news = prepare((qb, p: { destination: string; limit: number }) =>
  qb
    .selectFrom('federation_device_news')
    .select(['user_id', 'device_id', 'stream_pos'])
    .where('destination', '=', p.destination)
    .orderBy('stream_pos')
    .limit(p.limit),
)
const removeNews = prepare((qb, p: { destination: string; userId: string; deviceId: string }) =>
  qb
    .deleteFrom('federation_device_news')
    .where('destination', '=', p.destination)
    .where('user_id', '=', p.userId)
    .where('device_id', '=', p.deviceId),
)
const stream = prepare((qb, p: { destination: string; userId: string }) =>
  qb
    .selectFrom('federation_device_streams')
    .select('stream_id')
    .where('user_id', '=', p.userId)
    .where('destination', '=', p.destination),
)
const putStream = prepare((qb, p: { destination: string; userId: string; streamId: number }) =>
  qb
    .insertInto('federation_device_streams')
    .values({ user_id: p.userId, destination: p.destination, stream_id: p.streamId })
    .onConflict((c) =>
      c.columns(['user_id', 'destination']).doUpdateSet((eb) => ({ stream_id: eb.ref('excluded.stream_id') })),
    ),
)
const messages = prepare((qb, p: { destination: string; limit: number }) =>
  qb
    .selectFrom('federation_to_device')
    .select(['message_nid', 'type', 'json'])
    .where('destination', '=', p.destination)
    .orderBy('message_nid')
    .limit(p.limit),
)
const removeMessages = prepare((qb, p: { destination: string; upTo: number }) =>
  qb.deleteFrom('federation_to_device').where('destination', '=', p.destination).where('message_nid', '<=', p.upTo),
)
const putMessage = prepare((qb, p: { destination: string; type: string; json: string }) =>
  qb.insertInto('federation_to_device').values({ destination: p.destination, type: p.type, json: p.json }),
)

/** Notes a change for all servers that share a room with the user; returns them. */
export async function queueDeviceChange(tx: Tx, change: DeviceChange): Promise<string[]> {
  return (await toServers.all(tx, change)).map((row) => row.destination)
}

/** Servers that don't hear of a change of the user can't continue from what they were told before it. */
export async function breakOffStreams(tx: Tx, userId: string): Promise<void> {
  await breakOff.run(tx, { userId })
}

/** The oldest changes that a server was not told. */
export const listDeviceNews = (reader: Reader, destination: string, limit: number): Promise<DeviceNewsRow[]> =>
  news.all(reader, { destination, limit })

export async function deleteDeviceNews(tx: Tx, destination: string, row: DeviceNewsRow): Promise<void> {
  await removeNews.run(tx, { destination, userId: row.user_id, deviceId: row.device_id })
}

/** The last change of a user that a server was told; undefined where it has to ask for the whole list. */
export const getDeviceStream = async (
  reader: Reader,
  destination: string,
  userId: string,
): Promise<number | undefined> => (await stream.first(reader, { destination, userId }))?.stream_id

export async function upsertDeviceStream(tx: Tx, destination: string, userId: string, streamId: number): Promise<void> {
  await putStream.run(tx, { destination, userId, streamId })
}

/** The oldest messages to devices that wait for a server. */
export const listMessages = (
  reader: Reader,
  destination: string,
  limit: number,
): Promise<{ message_nid: number; type: string; json: string }[]> => messages.all(reader, { destination, limit })

export async function deleteMessages(tx: Tx, destination: string, upTo: number): Promise<void> {
  await removeMessages.run(tx, { destination, upTo })
}

/** Deletes all messages that wait for a server but the newest `count`. Returns how many went. */
export async function deleteOldestMessages(tx: Tx, destination: string, count: number): Promise<number> {
  const last = await tx.qb
    .selectFrom('federation_to_device')
    .select('message_nid')
    .where('destination', '=', destination)
    .orderBy('message_nid', 'desc')
    .limit(1)
    .offset(count)
    .executeTakeFirst()
  return last === undefined ? 0 : (await removeMessages.run(tx, { destination, upTo: last.message_nid })).changes
}

/** Queues an EDU that must not be lost. */
export async function insertMessage(
  tx: Tx,
  destination: string,
  json: string,
  type = 'm.direct_to_device',
): Promise<void> {
  await putMessage.run(tx, { destination, type, json })
}
