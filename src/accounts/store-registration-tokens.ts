import type { Reader, Tx } from '../db/database.ts'
import type { RegistrationToken } from './types.ts'

export async function getRegistrationToken(reader: Reader, token: string): Promise<RegistrationToken | undefined> {
  const row = await reader.qb
    .selectFrom('registration_tokens')
    .selectAll()
    .where('token', '=', token)
    .executeTakeFirst()
  return (
    row && {
      token: row.token,
      usesAllowed: row.uses_allowed ?? undefined,
      completed: row.completed,
      expiresTs: row.expires_ts ?? undefined,
    }
  )
}

/** False where the token exists already. */
export async function insertRegistrationToken(tx: Tx, token: RegistrationToken, now: number): Promise<boolean> {
  const result = await tx.qb
    .insertInto('registration_tokens')
    .values({
      token: token.token,
      uses_allowed: token.usesAllowed ?? null,
      completed: token.completed,
      expires_ts: token.expiresTs ?? null,
      created_ts: now,
    })
    .onConflict((c) => c.doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

export async function countRegistration(tx: Tx, token: string): Promise<void> {
  await tx.qb
    .updateTable('registration_tokens')
    .set((eb) => ({ completed: eb('completed', '+', 1) }))
    .where('token', '=', token)
    .execute()
}
