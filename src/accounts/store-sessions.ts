import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'

/** An access token with everything that decides about a request. */
export interface TokenRow {
  token_nid: number
  session_id: number
  access_hash: string
  expires_ts: number | null
  is_used: number
  user_id: string
  device_id: string
  is_admin: number
  is_guest: number
  is_locked: number
  is_suspended: number
  deactivated_ts: number | null
  appservice_id: string | null
  user_type: string | null
  account_expires_ts: number | null
}

const byAccess = prepare((qb, p: { hash: string }) =>
  qb
    .selectFrom('session_tokens as t')
    .innerJoin('sessions as s', 's.session_id', 't.session_id')
    .innerJoin('users as u', 'u.user_id', 's.user_id')
    .select(['t.token_nid', 't.session_id', 't.access_hash', 't.expires_ts', 't.is_used', 's.user_id', 's.device_id'])
    .select(['u.is_admin', 'u.is_guest', 'u.is_locked', 'u.is_suspended', 'u.deactivated_ts'])
    .select(['u.appservice_id', 'u.user_type', 'u.expires_ts as account_expires_ts'])
    .where('t.access_hash', '=', p.hash),
)

export function getByAccessHash(reader: Reader, hash: string): Promise<TokenRow | undefined> {
  return byAccess.first(reader, { hash })
}

export function getByRefreshHash(reader: Reader, hash: string): Promise<TokenRow | undefined> {
  return reader.qb
    .selectFrom('session_tokens as t')
    .innerJoin('sessions as s', 's.session_id', 't.session_id')
    .innerJoin('users as u', 'u.user_id', 's.user_id')
    .select(['t.token_nid', 't.session_id', 't.access_hash', 't.expires_ts', 't.is_used', 's.user_id', 's.device_id'])
    .select(['u.is_admin', 'u.is_guest', 'u.is_locked', 'u.is_suspended', 'u.deactivated_ts'])
    .select(['u.appservice_id', 'u.user_type', 'u.expires_ts as account_expires_ts'])
    .where('t.refresh_hash', '=', hash)
    .executeTakeFirst()
}

export async function insertSession(tx: Tx, userId: string, deviceId: string, ts: number): Promise<number> {
  const row = await tx.qb
    .insertInto('sessions')
    .values({ user_id: userId, device_id: deviceId, created_ts: ts })
    .returning('session_id')
    .executeTakeFirstOrThrow()
  return row.session_id
}

export interface NewPair {
  readonly sessionId: number
  readonly accessHash: string
  readonly refreshHash: string | undefined
  readonly expiresTs: number | undefined
  readonly isUsed: boolean
}

export async function insertPair(tx: Tx, pair: NewPair): Promise<void> {
  await tx.qb
    .insertInto('session_tokens')
    .values({
      session_id: pair.sessionId,
      access_hash: pair.accessHash,
      refresh_hash: pair.refreshHash ?? null,
      expires_ts: pair.expiresTs ?? null,
      is_used: pair.isUsed ? 1 : 0,
    })
    .execute()
}

/** Takes note that a pair has reached its client: refresh tokens before it end, and access tokens that have expired. */
export async function confirmPair(tx: Tx, pair: TokenRow, now: number): Promise<void> {
  const used = await tx.qb
    .updateTable('session_tokens')
    .set({ is_used: 1 })
    .where('access_hash', '=', pair.access_hash)
    .executeTakeFirst()
  // Another refresh of the pair before may have replaced this one meanwhile, perhaps under the same number.
  if (used.numUpdatedRows === 0n) return
  const earlier = { session: pair.session_id, nid: pair.token_nid }
  await tx.qb
    .deleteFrom('session_tokens')
    .where('session_id', '=', earlier.session)
    .where('token_nid', '<', earlier.nid)
    .where('expires_ts', '<=', now)
    .execute()
  await tx.qb
    .updateTable('session_tokens')
    .set({ refresh_hash: null })
    .where('session_id', '=', earlier.session)
    .where('token_nid', '<', earlier.nid)
    .execute()
}

/** Removes pairs after this one: their answers were lost. */
export async function deleteLaterPairs(tx: Tx, sessionId: number, tokenNid: number): Promise<void> {
  await tx.qb
    .deleteFrom('session_tokens')
    .where('session_id', '=', sessionId)
    .where('token_nid', '>', tokenNid)
    .execute()
}

/** The device ids of a user that are logged in. */
export async function listSessionDevices(reader: Reader, userId: string): Promise<string[]> {
  const rows = await reader.qb.selectFrom('sessions').select('device_id').where('user_id', '=', userId).execute()
  return rows.map((row) => row.device_id)
}

/** Ends the session of a device; its tokens are gone. */
export async function deleteSession(tx: Tx, userId: string, deviceId: string): Promise<void> {
  const row = await tx.qb
    .deleteFrom('sessions')
    .where('user_id', '=', userId)
    .where('device_id', '=', deviceId)
    .returning('session_id')
    .executeTakeFirst()
  if (row) await tx.qb.deleteFrom('session_tokens').where('session_id', '=', row.session_id).execute()
}
