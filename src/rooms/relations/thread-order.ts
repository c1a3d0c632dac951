import type { Reader } from '../../db/database.ts'
import { createYielder } from '../../util/async.ts'
import { listNewestChildren } from './store-summaries.ts'
import { listThreads, listThreadsWithSenders, type Thread } from './store-threads.ts'

/** Threads whose newest reply stands at or before `at`, the newest first. */
export type ThreadPager = (at: number, limit: number) => Promise<Thread[]>

interface Order {
  readonly roomNid: number
  /** Replies after this stream position do not count. */
  readonly asOf: number
  /** Replies of these users do not count either. */
  readonly ignored: ReadonlySet<string>
}

const pageSize = 500
const repliesPage = 20

/**
 * The threads of a room by the newest reply that counts. Stored is the newest of all, so that the threads where the two
 * differ are put into their places here: as many as have moved since, or all to leave out what ignored users wrote.
 */
export async function orderThreads(reader: Reader, order: Order): Promise<ThreadPager> {
  const { roomNid, asOf, ignored } = order
  const isMerged = ignored.size === 0
  const placed = await placeThreads(reader, order, isMerged ? asOf : Number.MIN_SAFE_INTEGER)
  return async (at, limit) => {
    const rest = isMerged ? await listThreads(reader, roomNid, Math.min(at, asOf), limit) : []
    return [...placed.filter(({ latest }) => latest <= at), ...rest].sort((a, b) => b.latest - a.latest).slice(0, limit)
  }
}

/** The threads with replies after a position, each where its newest reply that counts stands. */
async function placeThreads(reader: Reader, order: Order, after: number): Promise<Thread[]> {
  const { roomNid, asOf, ignored } = order
  const pause = createYielder()
  const placed: Thread[] = []
  for (let upTo = Number.MAX_SAFE_INTEGER; ; ) {
    const page = await listThreadsWithSenders(reader, { roomNid, after, upTo, limit: pageSize })
    for (const { rootId, latest, sender } of page) {
      const counts = latest <= asOf && !ignored.has(sender)
      const position = counts ? latest : await newestReply(reader, order, rootId)
      if (position !== undefined) placed.push({ rootId, latest: position })
      await pause()
    }
    const last = page.at(-1)
    if (last === undefined || page.length < pageSize) return placed
    upTo = last.latest - 1
  }
}

async function newestReply(
  reader: Reader,
  { roomNid, asOf, ignored }: Order,
  rootId: string,
): Promise<number | undefined> {
  const pause = createYielder()
  for (let before = asOf + 1; ; ) {
    const replies = await listNewestChildren(reader, {
      roomNid,
      parentId: rootId,
      relType: 'm.thread',
      before,
      limit: repliesPage,
    })
    const heard = replies.find(({ sender }) => !ignored.has(sender))
    const last = replies.at(-1)
    if (heard !== undefined || last === undefined || replies.length < repliesPage) return heard?.stream_pos
    before = last.stream_pos
    await pause()
  }
}
