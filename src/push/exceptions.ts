import type { Tx } from '../db/database.ts'
import { hasUserIdShape, type UserId } from '../matrix/ids.ts'
import type { RoomReads } from '../rooms/reads.ts'
import type { Judgement } from './judge.ts'
import { listClassMembers } from './store-classes.ts'
import { insertHighlight } from './store-highlights.ts'
import { addUnread, getMember } from './store-members.ts'
import { insertException } from './store-reading.ts'
import { upsertThread } from './store-totals.ts'
import { isNothing, minus } from './tally.ts'
import { readUpTo } from './unread.ts'

interface Deps {
  readonly reads: Pick<RoomReads, 'membership'>
  isLocalUser(userId: UserId): boolean
}

/** Whoever sends a message has read up to it: https://spec.matrix.org/v1.19/client-server-api/#receiving-notifications */
export function isReadBySending({ event: { pdu } }: Judgement): boolean {
  return pdu.state_key === undefined && pdu.type !== 'm.room.redaction'
}

/** Writes what an event counts for single users where that is not what it counts for their class. */
export async function writeExceptions(deps: Deps, tx: Tx, roomNid: number, judgement: Judgement): Promise<void> {
  const { event, pos, byClass, alone } = judgement
  const { sender } = event.pdu
  const threadId = event.threadId ?? ''
  for (const userId of await candidates(tx, roomNid, judgement)) {
    if (!hasUserIdShape(userId) || !deps.isLocalUser(userId)) continue
    if (userId === sender && isReadBySending(judgement)) continue
    const member = await getMember(tx, roomNid, userId)
    const shared = member && byClass.get(member.classNid)
    if (member === undefined || shared === undefined || pos <= (await readUpTo(tx, member, threadId))) continue
    const needsName = alone.includes(member.classNid)
    const name = needsName ? (await deps.reads.membership(tx, roomNid, userId))?.display_name : undefined
    const extra = minus(judgement.judgeOne(member.classNid, userId, name ?? undefined), shared)
    if (isNothing(extra)) continue
    if (extra.h > 0) await insertHighlight(tx, { userId, pos, roomNid, eventNid: event.nid })
    await insertException(tx, member, { pos, threadId, ...extra })
    await addUnread(tx, member, threadId !== '', extra)
    if (threadId !== '') await upsertThread(tx, roomNid, threadId, pos)
  }
}

async function candidates(tx: Tx, roomNid: number, judgement: Judgement): Promise<ReadonlySet<string>> {
  const { event, byClass, named, alone } = judgement
  const users = new Set(named)
  for (const classNid of alone) for (const userId of await listClassMembers(tx, roomNid, classNid)) users.add(userId)
  // What notifies others does not notify its sender.
  if ([...byClass.values()].some((tally) => !isNothing(tally))) users.add(event.pdu.sender)
  return users
}
