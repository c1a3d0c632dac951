import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import type { Coverage } from './coverage.ts'

export interface NewRecipient {
  readonly mediaNid: number
  readonly eventId: string
  readonly roomNid: number
  readonly recipient: string
}

const insert = prepare((qb, p: NewRecipient) =>
  qb
    .insertInto('media_recipients')
    .values({ media_nid: p.mediaNid, event_id: p.eventId, room_nid: p.roomNid, recipient: p.recipient })
    .onConflict((conflict) => conflict.columns(['media_nid', 'event_id', 'recipient']).doNothing()),
)

export async function insertRecipient(tx: Tx, row: NewRecipient): Promise<void> {
  await insert.run(tx, row)
}

const ofRoom = prepare((qb, p: { roomNid: number; recipient: string; limit: number }) =>
  qb
    .selectFrom('media_recipients')
    .select('media_nid as nid')
    .distinct()
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

const lacking = prepare((qb, p: { mediaNid: number }) =>
  qb
    .selectFrom('media_recipients as r')
    .select('r.recipient')
    .distinct()
    .where('r.media_nid', '=', p.mediaNid)
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('media_links as l')
          .select('l.event_id')
          .whereRef('l.media_nid', '=', 'r.media_nid')
          .whereRef('l.event_id', '=', 'r.event_id')
          .where('l.is_open', '=', 1),
      ),
    )
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('media_fetches as f')
            .select('f.device')
            .whereRef('f.media_nid', '=', 'r.media_nid')
            .whereRef('f.recipient', '=', 'r.recipient')
            .where('f.complete_ts', 'is not', null),
        ),
      ),
    ),
)

/** Recipients of messages that show media who have not got it. */
export async function listLacking(reader: Reader, mediaNid: number): Promise<string[]> {
  return (await lacking.all(reader, { mediaNid })).map(({ recipient }) => recipient)
}

const lastServer = prepare((qb, p: { mediaNid: number }) =>
  qb
    .selectFrom('media_fetches as f')
    .select(({ fn }) => fn.max('f.complete_ts').as('ts'))
    .where('f.media_nid', '=', p.mediaNid)
    .where('f.recipient', 'like', 'server:%')
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('media_recipients as r')
          .select('r.room_nid')
          .whereRef('r.media_nid', '=', 'f.media_nid')
          .whereRef('r.recipient', '=', 'f.recipient'),
      ),
    ),
)

/** When the last of the servers that must have media got it, in ms since 1970. */
export async function lastServerFetch(reader: Reader, mediaNid: number): Promise<number | null> {
  return (await lastServer.first(reader, { mediaNid }))?.ts ?? null
}

/** All servers that have fetched any of this media as a whole, and whether a message for their users shows it. */
export async function listServersWith(
  reader: Reader,
  numbers: readonly number[],
): Promise<{ mediaNid: number; server: string; isRecipient: boolean }[]> {
  const rows = await reader.qb
    .selectFrom('media_fetches as f')
    .select(['f.media_nid as mediaNid', 'f.recipient'])
    .select(({ eb, exists, selectFrom }) =>
      eb
        .case()
        .when(
          exists(
            selectFrom('media_recipients as r')
              .select('r.room_nid')
              .whereRef('r.media_nid', '=', 'f.media_nid')
              .whereRef('r.recipient', '=', 'f.recipient'),
          ),
        )
        .then(1)
        .else(0)
        .end()
        .as('is_recipient'),
    )
    .where('f.media_nid', 'in', numbers)
    .where('f.recipient', 'like', 'server:%')
    .where('f.complete_ts', 'is not', null)
    .execute()
  return rows.map(({ mediaNid, recipient, is_recipient: isRecipient }) => ({
    mediaNid,
    server: recipient.slice('server:'.length),
    isRecipient: isRecipient === 1,
  }))
}

/** A page of the media that waits for a recipient, in the order of their numbers. */
export async function listAwaiting(
  reader: Reader,
  recipient: string,
  { after, limit }: { after: number; limit: number },
): Promise<number[]> {
  const rows = await reader.qb
    .selectFrom('media_recipients')
    .select('media_nid as nid')
    .distinct()
    .where('recipient', '=', recipient)
    .where('media_nid', '>', after)
    .orderBy('media_nid')
    .limit(limit)
    .execute()
  return rows.map(({ nid }) => nid)
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
