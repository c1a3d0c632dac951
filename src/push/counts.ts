import type { Reader } from '../db/database.ts'
import { listUnreadRedactions } from './redactions.ts'
import { getMember, type Member } from './store-members.ts'
import { listReads } from './store-reading.ts'
import type { RedactedCount } from './store-redactions.ts'
import { listThreadsAfter } from './store-totals.ts'
import { isNothing, minus, nothing, type Tally } from './tally.ts'
import { countAfter, currentUnread } from './unread.ts'

export interface Count {
  readonly notificationCount: number
  readonly highlightCount: number
}

export interface ThreadedCounts {
  /** What is in no thread. */
  readonly main: Count
  /** By the root of the thread; threads in which nothing is unread are absent. */
  readonly threads: Readonly<Record<string, Count>>
}

const toCount = ({ n, h }: Tally): Count => ({ notificationCount: Math.max(0, n), highlightCount: Math.max(0, h) })
const none = toCount(nothing)

/** Unread notifications of a joined user in the whole room; none for others. */
export async function getCounts(reader: Reader, userId: string, roomNid: number): Promise<Count> {
  const member = await getMember(reader, roomNid, userId)
  if (member === undefined) return none
  const { room } = await currentUnread(reader, member)
  if (isNothing(room)) return none
  const redacted = await listUnreadRedactions(reader, member, await listReads(reader, member))
  return toCount(redacted.reduce(minus, room))
}

/** The same for the main timeline and for each thread. */
export async function getCountsByThread(reader: Reader, userId: string, roomNid: number): Promise<ThreadedCounts> {
  const member = await getMember(reader, roomNid, userId)
  if (member === undefined) return { main: none, threads: {} }
  const { room, main } = await currentUnread(reader, member)
  if (isNothing(room)) return { main: none, threads: {} }
  const reads = await listReads(reader, member)
  const redacted = await listUnreadRedactions(reader, member, reads)
  const threads = isNothing(minus(room, main)) ? {} : await countThreads(reader, member, reads, redacted)
  return { main: toCount(redacted.filter(({ threadId }) => threadId === '').reduce(minus, main)), threads }
}

async function countThreads(
  reader: Reader,
  member: Member,
  reads: ReadonlyMap<string, number>,
  redacted: readonly RedactedCount[],
): Promise<Record<string, Count>> {
  const threads: Record<string, Count> = {}
  for (const thread of await listThreadsAfter(reader, member.roomNid, member.floor)) {
    const read = Math.max(member.floor, reads.get(thread) ?? 0)
    const unread = await countAfter(reader, member, thread, read)
    const tally = redacted.filter(({ threadId }) => threadId === thread).reduce<Tally>(minus, unread)
    if (!isNothing(tally)) threads[thread] = toCount(tally)
  }
  return threads
}
