import type { Database, Reader } from '../../db/database.ts'
import { errors, MatrixError } from '../../matrix/errors.ts'
import type { UserId } from '../../matrix/ids.ts'
import { createYielder } from '../../util/async.ts'
import { requireAccess } from '../access.ts'
import type { Audience, ClientEvent, ClientEvents } from '../client-event.ts'
import { type IgnoredUsers, isHeard } from '../ignored.ts'
import type { RoomView } from '../room-view.ts'
import type { Room, StoredEvent } from '../types.ts'
import type { Visibility } from '../visibility.ts'
import { requireVisibleEvent } from '../visible-event.ts'
import { type Descendant, listDescendants, listMatching, maxDepth } from './store-pages.ts'

export interface RelationsRequest {
  readonly relType: string | undefined
  readonly eventType: string | undefined
  readonly dir: 'b' | 'f'
  /** Stream positions; undefined: the newest end for `b`, the oldest for `f`. */
  readonly from: number | undefined
  readonly to: number | undefined
  readonly limit: number
  /** Also events that relate to the event by way of others. */
  readonly recurse: boolean
}

export interface RelationsPage {
  readonly chunk: ClientEvent[]
  /** Undefined when there is nothing further. */
  readonly next: number | undefined
  /** How many steps the relations of the chunk may be away. */
  readonly depth: number
}

/**
 * Events that relate to an event, in stream order. Throws 404 where the user may not see that event.
 * https://spec.matrix.org/v1.19/client-server-api/#relationships-api
 */
export type ListRelated = (
  audience: Audience,
  roomId: string,
  eventId: string,
  request: RelationsRequest,
) => Promise<RelationsPage>

interface Deps {
  readonly db: Database
  readonly view: RoomView
  readonly visibility: Visibility
  readonly clientEvents: ClientEvents
  readonly ignoredUsers: IgnoredUsers
}

const pageSize = 100
/** Where hardly any relation may be seen, one request looks at this many. */
const maxScanned = 5000

export function createRelatedEvents({ db, view, visibility, clientEvents, ignoredUsers }: Deps): ListRelated {
  async function scan(
    reader: Reader,
    room: Room,
    parent: StoredEvent,
    userId: UserId,
    request: RelationsRequest,
  ): Promise<{ events: StoredEvent[]; next: number | undefined }> {
    const { dir, from, to, limit, relType, eventType, recurse } = request
    const ignored = await ignoredUsers(reader, userId)
    const pause = createYielder()
    const events: StoredEvent[] = []
    let after = (dir === 'f' ? from : to) ?? Number.MIN_SAFE_INTEGER
    let upTo = (dir === 'f' ? to : from) ?? Number.MAX_SAFE_INTEGER
    const next = () => (dir === 'f' ? after : upTo)
    for (let scanned = 0; scanned < maxScanned; ) {
      const { page, isLast } = await listDescendants(reader, {
        roomNid: room.nid,
        ancestorId: parent.eventId,
        relType,
        eventType,
        depth: recurse ? maxDepth : 1,
        dir,
        after,
        upTo,
        limit: scanned === 0 ? Math.min(pageSize, limit + 1) : pageSize,
      })
      const heard = page.filter(({ event }) => isHeard(event, ignored))
      const related = await withMatchingPath(reader, heard, relType, eventType)
      for (const event of await visibility.filter(reader, room, userId, related)) {
        if (events.length === limit) return { events, next: next() }
        events.push(event)
        advance(event)
      }
      const last = page.at(-1)?.event
      if (last === undefined || isLast) return { events, next: undefined }
      advance(last)
      scanned += page.length
      await pause()
    }
    return { events, next: next() }

    function advance({ streamPos = 0 }: StoredEvent): void {
      if (dir === 'f') after = streamPos
      else upTo = streamPos - 1
    }
  }

  return (audience, roomId, eventId, request) =>
    db.read(async (reader) => {
      const { userId } = audience
      const { room } = await requireAccess(reader, view, roomId, userId).catch((error) => {
        throw error instanceof MatrixError ? errors.notFound('No such event') : error
      })
      const parent = await requireVisibleEvent(reader, visibility, room, userId, eventId)
      const { events, next } = await scan(reader, room, parent, userId, request)
      return {
        chunk: await clientEvents.format(reader, room, events, audience),
        next,
        depth: request.recurse ? maxDepth : 1,
      }
    })
}

/** A filter holds for all events on the way from an event to the one that it relates to in the end. */
async function withMatchingPath(
  reader: Reader,
  found: readonly Descendant[],
  relType: string | undefined,
  eventType: string | undefined,
): Promise<StoredEvent[]> {
  const between = new Set(relType === undefined ? [] : found.flatMap((each) => each.between))
  if (relType === undefined || between.size === 0) return found.map(({ event }) => event)
  const matching = await listMatching(reader, [...between], relType, eventType)
  return found.filter((each) => each.between.every((id) => matching.has(id))).map(({ event }) => event)
}
