import type { Reader } from '../db/database.ts'
import type { UserId } from '../matrix/ids.ts'
import type { SyncPorts } from './ports.ts'

/** Beyond this many rooms with news on the whole server it is cheaper to go through the user's own rooms. */
const maxActive = 300

/**
 * Numbers of the rooms of which an incremental sync may have to tell. Costs as much as happened since, not as many rooms
 * as the user is in.
 */
export async function changedRooms(
  ports: SyncPorts,
  reader: Reader,
  userId: UserId,
  since: number,
  ephemeralSince: number,
  withAccountData: Iterable<string>,
): Promise<Set<number>> {
  const { reads } = ports
  const active = await reads.activeRooms(reader, since, maxActive + 1)
  const receipts = await reads.roomsWithReceipts(reader, since, maxActive + 1)
  if (active.length > maxActive || receipts.length > maxActive) return new Set(await reads.joinedNids(reader, userId))
  const byName = [...ports.ephemeral.typing.changedSince(ephemeralSince), ...withAccountData]
  const candidates = new Set([...active, ...receipts])
  for (const roomId of byName) {
    const room = await reads.roomById(reader, roomId)
    if (room !== undefined) candidates.add(room.nid)
  }
  const joined = new Set<number>()
  for (const nid of candidates) if (await reads.isJoined(reader, nid, userId)) joined.add(nid)
  return joined
}
