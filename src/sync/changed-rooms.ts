import type { Reader } from '../db/database.ts'
import type { UserId } from '../matrix/ids.ts'
import type { MembershipRow } from '../rooms/reads.ts'
import type { SyncPorts } from './ports.ts'

/** Beyond this many rooms with news on the whole server it is cheaper to go through the user's own rooms. */
const maxActive = 300

export interface Candidates {
  /** Memberships of rooms that the user is in and that may have news. */
  readonly joined: readonly MembershipRow[]
  /** Whether a room may have new receipts. */
  hasReceipts(roomNid: number): boolean
}

/** Everything that the user is in. */
export async function allRooms({ reads }: SyncPorts, reader: Reader, userId: UserId): Promise<Candidates> {
  return { joined: await reads.memberships(reader, userId, 'join'), hasReceipts: () => true }
}

/**
 * The rooms of which an incremental sync may have to tell. Costs as much as happened since, not as many rooms as the user
 * is in.
 */
export async function changedRooms(
  ports: SyncPorts,
  reader: Reader,
  userId: UserId,
  window: { since: number; to: number },
  ephemeralSince: number,
  withAccountData: Iterable<string>,
): Promise<Candidates> {
  const { reads } = ports
  const active = await reads.recent.activeRooms(reader, window.since, window.to, maxActive + 1)
  const receipts = await reads.recent.roomsWithReceipts(reader, window.since, window.to, maxActive + 1)
  if (active.length > maxActive || receipts.length > maxActive) return allRooms(ports, reader, userId)
  const candidates = new Set([...active, ...receipts])
  for (const roomId of [...ports.ephemeral.typing.changedSince(ephemeralSince), ...withAccountData]) {
    const room = await reads.roomById(reader, roomId)
    if (room !== undefined) candidates.add(room.nid)
  }
  const joined: MembershipRow[] = []
  for (const nid of candidates) {
    const { row } = await ports.userNews.remember(userId, String(nid), window.to, async () => ({
      row: await reads.membership(reader, nid, userId),
    }))
    if (row?.membership === 'join') joined.push(row)
  }
  const withReceipts = new Set(receipts)
  return { joined, hasReceipts: (nid) => withReceipts.has(nid) }
}
