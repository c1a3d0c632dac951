import { sql } from 'kysely'
import type { Reader, Tx } from '../../../db/database.ts'
import { prepare } from '../../../db/prepare.ts'

export interface QueuedEvent {
  readonly stream_pos: number
  readonly event_nid: number
}

/** An event of a room that others are owed. */
export interface OwedEvent {
  readonly roomNid: number
  readonly position: number
  readonly nid: number
}

const toRoom = prepare((qb, p: OwedEvent & { except: string }) =>
  qb
    .insertInto('federation_queue')
    .columns(['destination', 'stream_pos', 'room_nid', 'event_nid'])
    .expression((eb) =>
      eb
        .selectFrom('federation_room_servers')
        .select([
          'server',
          sql<number>`cast(${p.position} as bigint)`.as('stream_pos'),
          'room_nid',
          sql<number>`cast(${p.nid} as bigint)`.as('event_nid'),
        ])
        .where('room_nid', '=', p.roomNid)
        .where('denied', '=', 0)
        .where('server', '!=', p.except),
    )
    .returning('destination'),
)
const toOne = prepare((qb, p: OwedEvent & { destination: string }) =>
  qb
    .insertInto('federation_queue')
    .values({ destination: p.destination, stream_pos: p.position, room_nid: p.roomNid, event_nid: p.nid })
    .onConflict((c) => c.doNothing()),
)
const page = prepare((qb, p: { destination: string; upTo: number; limit: number }) =>
  qb
    .selectFrom('federation_queue')
    .select(['stream_pos', 'event_nid'])
    .where('destination', '=', p.destination)
    .where('stream_pos', '<=', p.upTo)
    .orderBy('stream_pos')
    .limit(p.limit),
)
const done = prepare((qb, p: { destination: string; upTo: number }) =>
  qb.deleteFrom('federation_queue').where('destination', '=', p.destination).where('stream_pos', '<=', p.upTo),
)
const beyond = prepare((qb, p: { destination: string; after: number; offset: number }) =>
  qb
    .selectFrom('federation_queue')
    .select('stream_pos')
    .where('destination', '=', p.destination)
    .where('stream_pos', '>', p.after)
    .orderBy('stream_pos')
    .limit(1)
    .offset(p.offset),
)
const thin = prepare((qb, p: { destination: string; after: number }) =>
  qb
    .deleteFrom('federation_queue')
    .where('destination', '=', p.destination)
    .where('stream_pos', '>', p.after)
    .where('event_nid', 'not in', (eb) => eb.selectFrom('sticky_events').select('event_nid'))
    .where('stream_pos', 'not in', (eb) =>
      eb
        .selectFrom('federation_queue as newest')
        .select(({ fn }) => fn.max('newest.stream_pos').as('stream_pos'))
        .where('newest.destination', '=', p.destination)
        .where('newest.stream_pos', '>', p.after)
        .groupBy('newest.room_nid'),
    ),
)

/** Queues an event for all servers of its room but one; returns them. */
export async function queueForRoom(tx: Tx, event: OwedEvent, except: string): Promise<string[]> {
  return (await toRoom.all(tx, { ...event, except })).map((row) => row.destination)
}

export async function queueForServer(tx: Tx, event: OwedEvent, destination: string): Promise<void> {
  await toOne.run(tx, { ...event, destination })
}

/** The oldest events that wait for a server, up to a stream position. */
export const listQueued = (reader: Reader, destination: string, upTo: number, limit: number): Promise<QueuedEvent[]> =>
  page.all(reader, { destination, upTo, limit })

export async function deleteQueued(tx: Tx, destination: string, upTo: number): Promise<void> {
  await done.run(tx, { destination, upTo })
}

/** Whether more than `count` events wait after a position. */
export const isLongerThan = async (
  reader: Reader,
  destination: string,
  after: number,
  count: number,
): Promise<boolean> => (await beyond.first(reader, { destination, after, offset: count })) !== undefined

/** Leaves only the newest event of each room, and what is sticky, in what waits after a position. Returns how many went. */
export async function keepNewestOfRooms(tx: Tx, destination: string, after: number): Promise<number> {
  return (await thin.run(tx, { destination, after })).changes
}
