import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'

const fields = prepare((qb, p: { userId: string }) =>
  qb.selectFrom('profile_fields').select(['name', 'value']).where('user_id', '=', p.userId).orderBy('name'),
)

/** Names and JSON values. */
export function listProfileFields(reader: Reader, userId: string): Promise<{ name: string; value: string }[]> {
  return fields.all(reader, { userId })
}

export async function putProfileField(tx: Tx, userId: string, name: string, value: string): Promise<void> {
  await tx.qb
    .insertInto('profile_fields')
    .values({ user_id: userId, name, value })
    .onConflict((c) => c.columns(['user_id', 'name']).doUpdateSet({ value }))
    .execute()
}

/** False where there was no such field. */
export async function deleteProfileField(tx: Tx, userId: string, name: string): Promise<boolean> {
  const result = await tx.qb
    .deleteFrom('profile_fields')
    .where('user_id', '=', userId)
    .where('name', '=', name)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

export async function deleteProfile(tx: Tx, userId: string): Promise<void> {
  await tx.qb.deleteFrom('profile_fields').where('user_id', '=', userId).execute()
}
