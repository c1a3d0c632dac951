import type { Reader, Tx } from '../../db/database.ts'

export interface OpenidTokenRow {
  readonly hash: string
  readonly userId: string
  readonly expiresTs: number
}

/** Inserts a token and removes those that have expired. */
export async function insertOpenidToken(tx: Tx, token: OpenidTokenRow, now: number): Promise<void> {
  await tx.qb.deleteFrom('openid_tokens').where('expires_ts', '<=', now).execute()
  await tx.qb
    .insertInto('openid_tokens')
    .values({ token_hash: token.hash, user_id: token.userId, expires_ts: token.expiresTs })
    .execute()
}

/** Whose token it is, unless it has expired or the account may not be used any more. */
export async function getOpenidUser(reader: Reader, hash: string, now: number): Promise<string | undefined> {
  const row = await reader.qb
    .selectFrom('openid_tokens as t')
    .innerJoin('users as u', 'u.user_id', 't.user_id')
    .select('t.user_id')
    .where('t.token_hash', '=', hash)
    .where('t.expires_ts', '>', now)
    .where('u.deactivated_ts', 'is', null)
    .where('u.is_locked', '=', 0)
    .executeTakeFirst()
  return row?.user_id
}

export async function deleteOpenidTokens(tx: Tx, userId: string): Promise<void> {
  await tx.qb.deleteFrom('openid_tokens').where('user_id', '=', userId).execute()
}
