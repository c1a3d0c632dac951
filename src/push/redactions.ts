import type { Reader, Tx } from '../db/database.ts'
import type { StoredEvent } from '../rooms/types.ts'
import { getMember, type Member, removeUnread } from './store-members.ts'
import { listExceptionsAt } from './store-reading.ts'
import {
  deleteExceptionAt,
  insertRedaction,
  listClassesAt,
  listRedactions,
  type RedactedCount,
} from './store-redactions.ts'
import { isNothing } from './tally.ts'
import { markAt } from './totals.ts'
import { readUpTo } from './unread.ts'

/** Notes that an event which has been redacted counts for nobody any more. */
export async function forgetRedacted(tx: Tx, roomNid: number, target: StoredEvent): Promise<void> {
  const { streamPos: pos = 0, threadId = '' } = target
  if (pos <= 0) return
  for (const classNid of [0, ...(await listClassesAt(tx, roomNid, pos))]) {
    const tally = await markAt(tx, roomNid, classNid, pos)
    if (!isNothing(tally)) await insertRedaction(tx, roomNid, classNid, { pos, threadId, ...tally })
  }
  for (const { userId, ...counted } of await listExceptionsAt(tx, roomNid, pos)) {
    await deleteExceptionAt(tx, roomNid, userId, pos)
    const member = await getMember(tx, roomNid, userId)
    if (member === undefined || pos <= (await readUpTo(tx, member, threadId))) continue
    await removeUnread(tx, member, threadId !== '', counted)
  }
}

/** Redacted events of the room that a user has not read, as far as the totals still count them for the user. */
export async function listUnreadRedactions(
  reader: Reader,
  member: Member,
  reads: ReadonlyMap<string, number>,
): Promise<RedactedCount[]> {
  return (await listRedactions(reader, member.roomNid, member.floor)).filter(({ pos, threadId, classNid }) => {
    const read = threadId === '' ? member.mainPos : (reads.get(threadId) ?? 0)
    return pos > read && (classNid === 0 || classNid === classAt(member, pos))
  })
}

function classAt(member: Member, pos: number): number {
  return member.past.find(([, until]) => pos <= until)?.[0] ?? member.classNid
}
