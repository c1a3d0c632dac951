import type { Selectable } from 'kysely'
import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import type { DelayedOutcome, VoipSchema } from '../../db/schema/voip.ts'

export type DelayedRow = Selectable<VoipSchema['delayed_events']>

const byId = prepare((qb, p: { delayId: string }) =>
  qb.selectFrom('delayed_events').selectAll().where('delay_id', '=', p.delayId),
)
interface RequestKey {
  readonly userId: string
  readonly deviceId: string
  readonly txnId: string
  readonly roomId: string
  readonly type: string
}
const byTransaction = prepare((qb, p: RequestKey) =>
  qb
    .selectFrom('delayed_events')
    .select('delay_id')
    .where('user_id', '=', p.userId)
    .where('device_id', '=', p.deviceId)
    .where('txn_id', '=', p.txnId)
    .where('room_id', '=', p.roomId)
    .where('type', '=', p.type),
)
const dueRooms = prepare((qb, p: { now: number }) =>
  qb.selectFrom('delayed_events').select('room_id').distinct().where('due_ts', '<=', p.now),
)
const due = prepare((qb, p: { roomId: string; now: number; limit: number }) =>
  qb
    .selectFrom('delayed_events')
    .selectAll()
    .where('room_id', '=', p.roomId)
    .where('due_ts', '<=', p.now)
    .orderBy('due_ts')
    .orderBy('since_ts')
    .limit(p.limit),
)
const next = prepare((qb, p: { after: number }) =>
  qb.selectFrom('delayed_events').select('due_ts').where('due_ts', '>', p.after).orderBy('due_ts').limit(1),
)

export const getDelayed = (reader: Reader, delayId: string) => byId.first(reader, { delayId })

/** The id that the same request was given before. */
export async function findByTransaction(reader: Reader, request: RequestKey): Promise<string | undefined> {
  return (await byTransaction.first(reader, request))?.delay_id
}

/** The rooms to which something is to be sent by now. */
export async function listDueRooms(reader: Reader, now: number): Promise<string[]> {
  return (await dueRooms.all(reader, { now })).map((row) => row.room_id)
}

/** What is to be sent to a room by now, the longest due first. */
export const listDue = (reader: Reader, of: { roomId: string; now: number; limit: number }) => due.all(reader, of)

/** When after a time the next one is due, in ms; undefined where none waits. */
export async function getNextDue(reader: Reader, after: number): Promise<number | undefined> {
  return (await next.first(reader, { after }))?.due_ts ?? undefined
}

/** Those of a user that wait, in the order in which their delays began. */
export const listWaiting = (reader: Reader, userId: string, limit: number): Promise<DelayedRow[]> =>
  reader.qb
    .selectFrom('delayed_events')
    .selectAll()
    .where('user_id', '=', userId)
    .where('due_ts', 'is not', null)
    .orderBy('since_ts')
    .orderBy('delay_id')
    .limit(limit)
    .execute()

/** Those of a user of which it is clear what became of them, the last first; all, or those with some ids. */
export const listFinalised = (
  reader: Reader,
  userId: string,
  { ids, limit }: { ids: readonly string[] | undefined; limit: number },
): Promise<DelayedRow[]> =>
  reader.qb
    .selectFrom('delayed_events')
    .selectAll()
    .where('user_id', '=', userId)
    .where('finalised_ts', 'is not', null)
    .$if(ids !== undefined, (query) => query.where('delay_id', 'in', ids ?? []))
    .orderBy('finalised_ts', 'desc')
    .orderBy('delay_id')
    .limit(limit)
    .execute()

export async function countWaiting(reader: Reader, userId: string): Promise<number> {
  const row = await reader.qb
    .selectFrom('delayed_events')
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .where('user_id', '=', userId)
    .where('due_ts', 'is not', null)
    .executeTakeFirst()
  return Number(row?.n ?? 0)
}

export async function insertDelayed(tx: Tx, row: DelayedRow): Promise<void> {
  await tx.qb.insertInto('delayed_events').values(row).execute()
}

/** Lets the delay begin anew; false where it is clear already what became of it. */
export async function restartDelayed(tx: Tx, delayId: string, sinceTs: number, dueTs: number): Promise<boolean> {
  const result = await tx.qb
    .updateTable('delayed_events')
    .set({ since_ts: sinceTs, due_ts: dueTs })
    .where('delay_id', '=', delayId)
    .where('due_ts', 'is not', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Says what became of it; false where that was said before. */
export async function finaliseDelayed(
  tx: Tx,
  delayId: string,
  end: { outcome: DelayedOutcome; now: number; eventId?: string; error?: string },
  /** Does so only where it is still due then. */
  dueTs?: number,
): Promise<boolean> {
  const result = await tx.qb
    .updateTable('delayed_events')
    .$if(dueTs !== undefined, (query) => query.where('due_ts', '=', dueTs ?? null))
    .set({
      due_ts: null,
      outcome: end.outcome,
      event_id: end.eventId ?? null,
      error: end.error ?? null,
      finalised_ts: end.now,
    })
    .where('delay_id', '=', delayId)
    .where('due_ts', 'is not', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

export async function deleteFinalised(tx: Tx, before: number): Promise<void> {
  await tx.qb.deleteFrom('delayed_events').where('finalised_ts', '<', before).execute()
}

/** What waits of somebody who is gone. */
export async function deleteOfUser(tx: Tx, userId: string): Promise<void> {
  await tx.qb.deleteFrom('delayed_events').where('user_id', '=', userId).execute()
}
