import type { Tx } from '../db/database.ts'

export async function insertLoginToken(tx: Tx, hash: string, userId: string, expiresTs: number): Promise<void> {
  await tx.qb.insertInto('login_tokens').values({ token_hash: hash, user_id: userId, expires_ts: expiresTs }).execute()
}

/** Uses a token up; whose it was, unless it has expired. */
export async function takeLoginToken(tx: Tx, hash: string, now: number): Promise<string | undefined> {
  const row = await tx.qb
    .deleteFrom('login_tokens')
    .where('token_hash', '=', hash)
    .returning(['user_id', 'expires_ts'])
    .executeTakeFirst()
  return row && row.expires_ts > now ? row.user_id : undefined
}

export async function deleteLoginTokens(tx: Tx, userId: string): Promise<void> {
  await tx.qb.deleteFrom('login_tokens').where('user_id', '=', userId).execute()
}

export async function deleteExpiredLoginTokens(tx: Tx, now: number): Promise<void> {
  await tx.qb.deleteFrom('login_tokens').where('expires_ts', '<=', now).execute()
}
