import type { Reader } from '../../db/database.ts'
import type { EventCache } from '../event-cache.ts'
import type { Room, StoredEvent } from '../types.ts'
import type { Visibility } from '../visibility.ts'
import type { Viewer } from './candidates.ts'
import { countRepliesBySender, hasReplied, listNewestChildren } from './store-summaries.ts'

export interface ThreadSummary {
  readonly latest: StoredEvent
  readonly count: number
  readonly participated: boolean
}

interface Deps {
  readonly events: EventCache
  readonly visibility: Visibility
}

const page = 100
/** The newest replies among which one must be visible; whoever sees none of them sees no thread. */
const maxSearched = 1000

/** The newest reply of a thread that the user sees and whose sender is not ignored. */
async function findReply(
  { events, visibility }: Deps,
  reader: Reader,
  room: Room,
  rootId: string,
  viewer: Viewer,
): Promise<StoredEvent | undefined> {
  let before = Number.MAX_SAFE_INTEGER
  for (let searched = 0; searched < maxSearched; searched += page) {
    const children = await listNewestChildren(reader, {
      roomNid: room.nid,
      parentId: rootId,
      relType: 'm.thread',
      before,
      limit: page,
    })
    const heard = children.filter((child) => !viewer.ignored.has(child.sender)).map((child) => child.event_nid)
    const found = await events.list(reader, heard)
    const replies = heard.flatMap((nid) => found.get(nid) ?? [])
    const [newest] = await visibility.filter(reader, room, viewer.userId, replies, viewer.isIn)
    if (newest !== undefined) return newest
    const oldest = children.at(-1)
    if (oldest === undefined || children.length < page) return undefined
    before = oldest.stream_pos
  }
  return undefined
}

/**
 * What a thread is summed up to for a user; undefined where the user sees no reply.
 * https://spec.matrix.org/v1.19/client-server-api/#server-side-aggregation-of-mthread-relationships
 */
export async function summariseThread(
  deps: Deps,
  reader: Reader,
  room: Room,
  { root, replies, newest }: { root: StoredEvent; replies: number; newest: StoredEvent | undefined },
  viewer: Viewer,
): Promise<ThreadSummary | undefined> {
  const { userId, ignored } = viewer
  const rootId = root.eventId
  const seesNewest = newest !== undefined && !ignored.has(newest.pdu.sender)
  const latest = seesNewest ? newest : await findReply(deps, reader, room, rootId, viewer)
  if (latest?.streamPos === undefined) return undefined
  const participated = root.pdu.sender === userId || (await hasReplied(reader, room.nid, rootId, userId))
  if (seesNewest && ignored.size === 0) return { latest, count: replies, participated }
  let count = 0
  const bySender = await countRepliesBySender(reader, { roomNid: room.nid, rootId, upTo: latest.streamPos })
  for (const { sender, replies: own } of bySender) if (!ignored.has(sender)) count += own
  return { latest, count, participated }
}
