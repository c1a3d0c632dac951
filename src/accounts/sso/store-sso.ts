import type { Reader, Tx } from '../../db/database.ts'
import type { UserId } from '../../matrix/ids.ts'

export async function getExternalOwner(
  reader: Reader,
  providerId: string,
  subject: string,
): Promise<UserId | undefined> {
  const row = await reader.qb
    .selectFrom('external_ids')
    .select('user_id')
    .where('provider_id', '=', providerId)
    .where('subject', '=', subject)
    .executeTakeFirst()
  // Only ids of accounts are inserted.
  return row?.user_id as UserId | undefined
}

export async function listExternalProviders(reader: Reader, userId: string): Promise<string[]> {
  const rows = await reader.qb
    .selectFrom('external_ids')
    .select('provider_id')
    .where('user_id', '=', userId)
    .orderBy('provider_id')
    .execute()
  return rows.map((row) => row.provider_id)
}

/** False where the subject belongs to an account already. */
export async function insertExternalId(
  tx: Tx,
  link: { providerId: string; subject: string; userId: string },
  now: number,
): Promise<boolean> {
  const result = await tx.qb
    .insertInto('external_ids')
    .values({ provider_id: link.providerId, subject: link.subject, user_id: link.userId, created_ts: now })
    .onConflict((c) => c.doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

export async function deleteExternalIds(tx: Tx, userId: string): Promise<void> {
  await tx.qb.deleteFrom('external_ids').where('user_id', '=', userId).execute()
}

/** Inserts a login under way and removes those that have expired. */
export async function putSsoSession(
  tx: Tx,
  session: { id: string; data: string; expiresTs: number },
  now: number,
): Promise<void> {
  await tx.qb.deleteFrom('sso_sessions').where('expires_ts', '<=', now).execute()
  const values = { data: session.data, expires_ts: session.expiresTs }
  await tx.qb
    .insertInto('sso_sessions')
    .values({ session_hash: session.id, ...values })
    .onConflict((c) => c.column('session_hash').doUpdateSet(values))
    .execute()
}

export async function getSsoSession(reader: Reader, id: string, now: number): Promise<string | undefined> {
  const row = await reader.qb
    .selectFrom('sso_sessions')
    .select('data')
    .where('session_hash', '=', id)
    .where('expires_ts', '>', now)
    .executeTakeFirst()
  return row?.data
}

/** Uses a login under way up. */
export async function takeSsoSession(tx: Tx, id: string, now: number): Promise<string | undefined> {
  const row = await tx.qb
    .deleteFrom('sso_sessions')
    .where('session_hash', '=', id)
    .returning(['data', 'expires_ts'])
    .executeTakeFirst()
  return row && row.expires_ts > now ? row.data : undefined
}
