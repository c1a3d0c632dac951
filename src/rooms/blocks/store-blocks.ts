import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'

const one = prepare((qb, p: { roomId: string }) =>
  qb.selectFrom('room_blocks').select('blocked_by').where('room_id', '=', p.roomId),
)

/** Who has blocked a room. */
export async function getBlock(reader: Reader, roomId: string): Promise<string | undefined> {
  return (await one.first(reader, { roomId }))?.blocked_by
}

export async function insertBlock(tx: Tx, block: { roomId: string; by: string; ts: number }): Promise<void> {
  const row = { room_id: block.roomId, blocked_by: block.by, blocked_ts: block.ts }
  await tx.qb.insertInto('room_blocks').values(row).execute()
}

export async function deleteBlock(tx: Tx, roomId: string): Promise<void> {
  await tx.qb.deleteFrom('room_blocks').where('room_id', '=', roomId).execute()
}
