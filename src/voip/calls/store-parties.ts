import type { Reader, Tx } from '../../db/database.ts'
import type { CallRow } from './store-calls.ts'

/** Puts a call into a user's log; false where it is there. */
export async function insertParty(tx: Tx, userId: string, callNid: number): Promise<boolean> {
  const result = await tx.qb
    .insertInto('call_parties')
    .values({ user_id: userId, call_nid: callNid })
    .onConflict((c) => c.doNothing())
    .executeTakeFirst()
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n
}

export async function listParties(reader: Reader, callNid: number): Promise<string[]> {
  const rows = await reader.qb
    .selectFrom('call_parties')
    .select('user_id')
    .where('call_nid', '=', callNid)
    .orderBy('user_id')
    .execute()
  return rows.map((row) => row.user_id)
}

/** The calls in a user's log, newest first: those with a lower number than `before`. */
export function listCallsOf(
  reader: Reader,
  userId: string,
  { before, limit }: { before: number | undefined; limit: number },
): Promise<CallRow[]> {
  return reader.qb
    .selectFrom('call_parties as p')
    .innerJoin('calls as c', 'c.call_nid', 'p.call_nid')
    .selectAll('c')
    .where('p.user_id', '=', userId)
    .$if(before !== undefined, (qb) => qb.where('p.call_nid', '<', before ?? 0))
    .orderBy('p.call_nid', 'desc')
    .limit(limit)
    .execute()
}

/** Takes a user's log away, and the calls that stand in nobody's any more. */
export async function deleteLogOf(tx: Tx, userId: string): Promise<void> {
  const mine = tx.qb.selectFrom('call_parties').select('call_nid').where('user_id', '=', userId)
  const ofOthers = tx.qb.selectFrom('call_parties').select('call_nid').where('user_id', '<>', userId)
  await tx.qb.deleteFrom('calls').where('call_nid', 'in', mine).where('call_nid', 'not in', ofOthers).execute()
  await tx.qb.deleteFrom('call_parties').where('user_id', '=', userId).execute()
}

/** Deletes the oldest calls of before a time, at most `limit`; returns how many there were. */
export async function deleteCallsBefore(tx: Tx, ts: number, limit: number): Promise<number> {
  const old = await tx.qb
    .selectFrom('calls')
    .select('call_nid')
    .where('started_ts', '<', ts)
    .orderBy('started_ts')
    .limit(limit)
    .execute()
  const nids = old.map((row) => row.call_nid)
  if (nids.length === 0) return 0
  await tx.qb.deleteFrom('call_parties').where('call_nid', 'in', nids).execute()
  await tx.qb.deleteFrom('calls').where('call_nid', 'in', nids).execute()
  return nids.length
}
