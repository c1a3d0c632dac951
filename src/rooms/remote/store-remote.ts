import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import { hasUserIdShape, type ServerName, serverOf } from '../../matrix/ids.ts'

const joinedElsewhere = prepare((qb, p: { roomNid: number; limit: number }) =>
  qb
    .selectFrom('memberships')
    .select('user_id')
    .where('room_nid', '=', p.roomNid)
    .where('membership', '=', 'join')
    .where('is_local', '=', 0)
    .limit(p.limit),
)

/** Servers of other members, as far as their first thousand go; those with most members first. */
export async function listMemberServers(reader: Reader, roomNid: number): Promise<ServerName[]> {
  const counts = new Map<ServerName, number>()
  for (const { user_id: userId } of await joinedElsewhere.all(reader, { roomNid, limit: 1000 })) {
    if (!hasUserIdShape(userId)) continue
    const server = serverOf(userId)
    counts.set(server, (counts.get(server) ?? 0) + 1)
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([server]) => server)
}

/** Whether users of other servers are in the room, as far as we know. */
export async function hasMembersElsewhere(reader: Reader, roomNid: number): Promise<boolean> {
  return (await joinedElsewhere.first(reader, { roomNid, limit: 1 })) !== undefined
}

export async function updateVersion(tx: Tx, roomNid: number, version: string): Promise<void> {
  await tx.qb.updateTable('rooms').set({ version }).where('room_nid', '=', roomNid).execute()
}
