import type { ExpressionBuilder } from 'kysely'
import type { Reader, Tx } from '../../db/database.ts'
import type { Schema } from '../../db/schema.ts'
import type { UserId } from '../../matrix/ids.ts'

type OfUsers = ExpressionBuilder<{ u: Schema['users'] }, 'u'>

/** As `isExempt` has it. */
const isExempt = (eb: OfUsers) =>
  eb.or([eb('u.is_admin', '=', 1), eb('u.appservice_id', 'is not', null), eb('u.user_type', 'is not', null)])

// Only valid ids are stored.
const idsOf = (rows: readonly { user_id: string }[]) => rows.map(({ user_id }) => user_id as UserId)

/** Accounts that should end some day and have no end yet. */
export async function listEndless(reader: Reader, limit: number): Promise<UserId[]> {
  const rows = await reader.qb
    .selectFrom('users as u')
    .select('u.user_id')
    .where('u.expires_ts', 'is', null)
    .where('u.deactivated_ts', 'is', null)
    .where((eb) => eb.not(isExempt(eb)))
    .limit(limit)
    .execute()
  return idsOf(rows)
}

/** Accounts that have an end: only those that never end, or all. */
export async function listEnding(reader: Reader, which: 'exempt' | 'all', limit: number): Promise<UserId[]> {
  const rows = await reader.qb
    .selectFrom('users as u')
    .select('u.user_id')
    .where('u.expires_ts', 'is not', null)
    .$if(which === 'exempt', (qb) => qb.where(isExempt))
    .limit(limit)
    .execute()
  return idsOf(rows)
}

/** Accounts with an address that end until `upTo` and whose owners have had no mail about that end, in the order of their ids. */
export async function listDue(
  reader: Reader,
  { upTo, after, limit }: { upTo: number; after: string; limit: number },
): Promise<UserId[]> {
  const rows = await reader.qb
    .selectFrom('users as u')
    .leftJoin('renewal_mails as m', 'm.user_id', 'u.user_id')
    .select('u.user_id')
    .where('u.expires_ts', '<=', upTo)
    .where('u.user_id', '>', after)
    .where('u.deactivated_ts', 'is', null)
    .where('u.is_locked', '=', 0)
    .where('u.is_admin', '=', 0)
    .where('u.appservice_id', 'is', null)
    .where('u.user_type', 'is', null)
    .where((eb) => eb.or([eb('m.end_ts', 'is', null), eb('m.end_ts', '<>', eb.ref('u.expires_ts'))]))
    .where((eb) =>
      eb.exists(eb.selectFrom('threepids as t').select('t.address').whereRef('t.user_id', '=', 'u.user_id')),
    )
    .orderBy('u.user_id')
    .limit(limit)
    .execute()
  return idsOf(rows)
}

/** Takes note that nobody need be mailed about this end any more. */
export async function putMailed(tx: Tx, userId: string, endTs: number): Promise<void> {
  await tx.qb
    .insertInto('renewal_mails')
    .values({ user_id: userId, end_ts: endTs })
    .onConflict((c) => c.column('user_id').doUpdateSet({ end_ts: endTs }))
    .execute()
}

export async function deleteMailed(tx: Tx, userId: string): Promise<void> {
  await tx.qb.deleteFrom('renewal_mails').where('user_id', '=', userId).execute()
}

export interface RenewalToken {
  readonly hash: string
  readonly userId: UserId
  readonly endTs: number
}

/** Inserts a token and removes those of earlier ends. */
export async function insertRenewalToken(tx: Tx, { hash, userId, endTs }: RenewalToken): Promise<void> {
  await tx.qb.deleteFrom('renewal_tokens').where('user_id', '=', userId).where('end_ts', '<>', endTs).execute()
  await tx.qb.insertInto('renewal_tokens').values({ token_hash: hash, user_id: userId, end_ts: endTs }).execute()
}

export async function getRenewalToken(reader: Reader, hash: string): Promise<RenewalToken | undefined> {
  const row = await reader.qb.selectFrom('renewal_tokens').selectAll().where('token_hash', '=', hash).executeTakeFirst()
  return row && { hash, userId: row.user_id as UserId, endTs: row.end_ts }
}

export async function deleteRenewals(tx: Tx, userId: string): Promise<void> {
  await deleteMailed(tx, userId)
  await tx.qb.deleteFrom('renewal_tokens').where('user_id', '=', userId).execute()
}
