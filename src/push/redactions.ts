import type { Reader, Tx } from '../db/database.ts'
import { redactsOf } from '../rooms/redactions.ts'
import type { Room, StoredEvent } from '../rooms/types.ts'
import { getMember, type Member, removeUnread } from './store-members.ts'
import { listExceptionsAt } from './store-reading.ts'
import {
  deleteExceptionAt,
  getRedactedEvent,
  insertRedaction,
  listClassesAt,
  listRedactions,
  type RedactedCount,
} from './store-redactions.ts'
import { isNothing } from './tally.ts'
import { markAt } from './totals.ts'
import { readUpTo } from './unread.ts'

/** Notes that the event which this redaction took effect on counts for nobody any more. */
export async function forgetRedacted(tx: Tx, room: Room, redaction: StoredEvent): Promise<void> {
  const eventId = redactsOf(redaction.pdu, room.rules)
  const target = eventId === undefined ? undefined : await getRedactedEvent(tx, eventId)
  if (target?.room_nid !== room.nid || target.redacted_by !== redaction.eventId) return
  const { stream_pos: pos } = target
  if (pos === null || pos <= 0) return
  const threadId = target.thread_id ?? ''
  for (const classNid of [0, ...(await listClassesAt(tx, room.nid, pos))]) {
    const tally = await markAt(tx, room.nid, classNid, pos)
    if (!isNothing(tally)) await insertRedaction(tx, room.nid, classNid, { pos, threadId, ...tally })
  }
  for (const { userId, ...counted } of await listExceptionsAt(tx, room.nid, pos)) {
    await deleteExceptionAt(tx, room.nid, userId, pos)
    const member = await getMember(tx, room.nid, userId)
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
