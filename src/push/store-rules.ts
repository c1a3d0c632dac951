import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import { parseUserRules, type UserRules } from './user-rules.ts'

const one = prepare((qb, p: { userId: string }) =>
  qb.selectFrom('push_rules').select(['rules', 'stream_pos']).where('user_id', '=', p.userId),
)
const upsertRow = prepare((qb, p: { userId: string; rules: string; pos: number }) =>
  qb
    .insertInto('push_rules')
    .values({ user_id: p.userId, rules: p.rules, stream_pos: p.pos })
    .onConflict((c) => c.column('user_id').doUpdateSet({ rules: p.rules, stream_pos: p.pos })),
)

/** What a user changed about the rules, and at which position last; undefined: nothing ever. */
export async function getUserRules(
  reader: Reader,
  userId: string,
): Promise<{ rules: UserRules; pos: number } | undefined> {
  const row = await one.first(reader, { userId })
  return row && { rules: parseUserRules(row.rules), pos: row.stream_pos }
}

export async function putUserRules(tx: Tx, userId: string, rules: UserRules, pos: number): Promise<void> {
  await upsertRow.run(tx, { userId, rules: JSON.stringify(rules), pos })
}

export async function deleteUserRules(tx: Tx, userId: string): Promise<void> {
  await tx.qb.deleteFrom('push_rules').where('user_id', '=', userId).execute()
}

/** Members of a room who have changed something about their rules. */
export async function listMembersWithRules(reader: Reader, roomNid: number): Promise<string[]> {
  const rows = await reader.qb
    .selectFrom('push_members')
    .innerJoin('push_rules', 'push_rules.user_id', 'push_members.user_id')
    .select('push_members.user_id')
    .where('room_nid', '=', roomNid)
    .execute()
  return rows.map((row) => row.user_id)
}
