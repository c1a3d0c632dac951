import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import type { Coverage } from './coverage.ts'

const insert = prepare((qb, p: { mediaNid: number; roomNid: number; recipient: string }) =>
  qb
    .insertInto('media_recipients')
    .values({ media_nid: p.mediaNid, room_nid: p.roomNid, recipient: p.recipient })
    .onConflict((conflict) => conflict.columns(['media_nid', 'room_nid', 'recipient']).doNothing()),
)

export async function insertRecipient(tx: Tx, row: { mediaNid: number; roomNid: number; recipient: string }) {
  await insert.run(tx, row)
}

const ofRoom = prepare((qb, p: { roomNid: number; recipient: string; limit: number }) =>
  qb
    .selectFrom('media_recipients')
    .select('media_nid as nid')
    .where('room_nid', '=', p.roomNid)
    .where('recipient', '=', p.recipient)
    .orderBy('media_nid')
    .limit(p.limit),
)

/** Whether media waits for this recipient because of messages in a room. */
export async function isAwaited(reader: Reader, roomNid: number, recipient: string): Promise<boolean> {
  return (await ofRoom.first(reader, { roomNid, recipient, limit: 1 })) !== undefined
}

/** Nobody waits for this recipient in this room any more; returns the media that it was about, at most `limit`. */
export async function dropRecipient(
  tx: Tx,
  { roomNid, recipient, limit }: { roomNid: number; recipient: string; limit: number },
): Promise<number[]> {
  const numbers = (await ofRoom.all(tx, { roomNid, recipient, limit })).map(({ nid }) => nid)
  if (numbers.length > 0) {
    await tx.qb
      .deleteFrom('media_recipients')
      .where('room_nid', '=', roomNid)
      .where('recipient', '=', recipient)
      .where('media_nid', 'in', numbers)
      .execute()
  }
  return numbers
}

export interface Fetch {
  readonly mediaNid: number
  readonly recipient: string
  readonly device: string
}

const one = prepare((qb, p: Fetch) =>
  qb
    .selectFrom('media_fetches')
    .select(['parts', 'complete_ts as completeTs'])
    .where('media_nid', '=', p.mediaNid)
    .where('recipient', '=', p.recipient)
    .where('device', '=', p.device),
)

export async function getFetch(
  reader: Reader,
  fetch: Fetch,
): Promise<{ parts: Coverage; completeTs: number | null } | undefined> {
  const row = await one.first(reader, fetch)
  return row && { parts: JSON.parse(row.parts) as Coverage, completeTs: row.completeTs }
}

export async function putFetch(tx: Tx, fetch: Fetch, parts: Coverage, completeTs: number | null): Promise<void> {
  const values = { parts: JSON.stringify(completeTs === null ? parts : []), complete_ts: completeTs }
  await tx.qb
    .insertInto('media_fetches')
    .values({ media_nid: fetch.mediaNid, recipient: fetch.recipient, device: fetch.device, ...values })
    .onConflict((conflict) => conflict.columns(['media_nid', 'recipient', 'device']).doUpdateSet(values))
    .execute()
}
