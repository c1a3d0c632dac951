import type { Database, Reader } from '../../db/database.ts'
import { objectOf } from '../../matrix/content.ts'
import type { UserId } from '../../matrix/ids.ts'
import { redact } from '../../matrix/redact.ts'
import { createYielder } from '../../util/async.ts'
import { type RoomAccess, requireAccess } from '../access.ts'
import type { Audience, ClientEvent, ClientEvents } from '../client-event.ts'
import type { IgnoredUsers } from '../ignored.ts'
import type { RoomView } from '../room-view.ts'
import type { StoredEvent } from '../types.ts'
import type { Visibility } from '../visibility.ts'
import { hasReplied } from './store-summaries.ts'
import { listRoots, type Thread } from './store-threads.ts'
import { orderThreads } from './thread-order.ts'
import { formatThreadToken, type ThreadToken } from './thread-token.ts'

export interface ThreadsRequest {
  readonly include: 'all' | 'participated'
  /** Undefined: the newest. */
  readonly from: ThreadToken | undefined
  readonly limit: number
}

export interface ThreadsPage {
  readonly chunk: ClientEvent[]
  /** Undefined when there is nothing further. */
  readonly next: string | undefined
}

/**
 * The roots of a room's threads, that with the newest reply first. Throws 403 where the user may not look into the room.
 * https://spec.matrix.org/v1.19/client-server-api/#querying-threads-in-a-room
 */
export type ListThreads = (audience: Audience, roomId: string, request: ThreadsRequest) => Promise<ThreadsPage>

interface Deps {
  readonly db: Database
  readonly view: RoomView
  readonly visibility: Visibility
  readonly clientEvents: ClientEvents
  readonly ignoredUsers: IgnoredUsers
}

const pageSize = 50
/** Where the user sees hardly any thread, one request looks at this many. */
const maxScanned = 1000

export function createThreads({ db, view, visibility, clientEvents, ignoredUsers }: Deps): ListThreads {
  /** Which of the threads are shown, by their roots. The root of somebody ignored is shown without its content. */
  async function roots(
    reader: Reader,
    { room, membership }: RoomAccess,
    threads: readonly Thread[],
    { userId, ignored, include }: { userId: UserId; ignored: ReadonlySet<string>; include: ThreadsRequest['include'] },
  ): Promise<Map<string, StoredEvent>> {
    const stored = await listRoots(
      reader,
      room.nid,
      threads.map(({ rootId }) => rootId),
    )
    const shown = new Map<string, StoredEvent>()
    for (const root of await visibility.filter(reader, room, userId, [...stored.values()], membership === 'join')) {
      const isOwn = root.pdu.sender === userId
      if (include === 'participated' && !isOwn && !(await hasReplied(reader, room.nid, root.eventId, userId))) continue
      const isIgnored = ignored.has(root.pdu.sender)
      shown.set(root.eventId, isIgnored ? { ...root, pdu: redact(root.pdu, room.rules) } : root)
    }
    return shown
  }

  return (audience, roomId, { include, from, limit }) =>
    db.read(async (reader) => {
      const { userId } = audience
      const access = await requireAccess(reader, view, roomId, userId)
      const ignored = await ignoredUsers(reader, userId)
      const asOf = Math.min(from?.asOf ?? access.room.lastPos, access.upTo)
      const threadsFrom = await orderThreads(reader, { roomNid: access.room.nid, asOf, ignored })
      const pause = createYielder()
      const chunk: ClientEvent[] = []
      let at = from?.at ?? asOf
      const next = () => formatThreadToken({ at, asOf })
      for (let scanned = 0; scanned < maxScanned; ) {
        const size = scanned === 0 ? Math.min(pageSize, limit + 1) : pageSize
        const threads = await threadsFrom(at, size)
        const found = await roots(reader, access, threads, { userId, ignored, include })
        const ordered = threads.flatMap(({ rootId }) => found.get(rootId) ?? [])
        const formatted = await clientEvents.format(reader, access.room, ordered, audience)
        const byId = new Map<string, ClientEvent>(formatted.map((event) => [event.event_id, event]))
        for (const { rootId, latest } of threads) {
          const root = byId.get(rootId)
          if (root !== undefined && hasThread(root)) {
            if (chunk.length === limit) return { chunk, next: next() }
            chunk.push(root)
          }
          at = latest - 1
        }
        if (threads.length < size) return { chunk, next: undefined }
        scanned += threads.length
        await pause()
      }
      return { chunk, next: next() }
    })
}

/** A thread in which the user sees no reply is none for them. */
function hasThread({ unsigned }: ClientEvent): boolean {
  const isObject = typeof unsigned === 'object' && unsigned !== null && !Array.isArray(unsigned)
  return isObject && objectOf({ content: unsigned }, 'm.relations')?.['m.thread'] !== undefined
}
