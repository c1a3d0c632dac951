import type { Reader } from '../../db/database.ts'
import type { Notified } from '../notified/notified.ts'
import { getMember } from '../store-members.ts'
import { readUpTo } from '../unread.ts'
import type { Told } from './schedule.ts'

/** The oldest of some events, which are given newest first, in each timeline. */
export function oldestOf(found: readonly Notified[]): Told[] {
  const oldest = new Map<string, Told>()
  for (const { event, pos } of found) {
    const { roomNid, threadId = '' } = event
    oldest.set(`${roomNid} ${threadId}`, [roomNid, threadId, pos])
  }
  return [...oldest.values()]
}

/** Whether the user has read any of these, in rooms where the user still is. */
export async function hasReadAny(reader: Reader, userId: string, told: readonly Told[]): Promise<boolean> {
  for (const [roomNid, threadId, pos] of told) {
    const member = await getMember(reader, roomNid, userId)
    if (member !== undefined && pos <= (await readUpTo(reader, member, threadId))) return true
  }
  return false
}
