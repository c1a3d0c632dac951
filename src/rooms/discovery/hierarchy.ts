import type { Database } from '../../db/database.ts'
import { isJsonObject } from '../../matrix/auth-state.ts'
import { stringsOf } from '../../matrix/content.ts'
import { errors } from '../../matrix/errors.ts'
import { createYielder } from '../../util/async.ts'
import type { RoomReads } from '../reads.ts'
import { createPlaces, type Place } from './hierarchy-places.ts'
import { formatHierarchyToken, type HierarchyQuery, markOf, parseHierarchyToken } from './hierarchy-token.ts'
import type { RemoteRooms } from './remote-rooms.ts'

export interface HierarchyRequest extends HierarchyQuery {
  /** Servers that may know the root, where nobody here is in it. */
  readonly via: readonly string[]
  readonly limit: number
  readonly from: string | undefined
}

export interface HierarchyPage {
  rooms: Place[]
  next_batch?: string
}

/**
 * A page of the tree of a space, depth first. Throws `403` where the user may not preview the root, `400` for a token of
 * another query. https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidhierarchy
 */
export type GetHierarchy = (request: HierarchyRequest) => Promise<HierarchyPage>

const maxDepth = 50
/** A tree that has more rooms ends here. */
const maxRooms = 20_000

interface Ahead {
  readonly roomId: string
  readonly via: readonly string[]
  readonly depth: number
}

interface Deps {
  readonly db: Database
  readonly reads: RoomReads
  /** Undefined where this server does not reach others. */
  readonly remote: RemoteRooms | undefined
}

export function createHierarchy({ db, reads, remote }: Deps): GetHierarchy {
  const place = createPlaces({ db, reads, remote })

  /** Every room once, where the walk meets it first, without those that the user may know nothing of and what is below them. */
  async function* walk(request: HierarchyRequest): AsyncGenerator<Place> {
    const { suggestedOnly } = request
    const deepest = Math.min(request.maxDepth ?? maxDepth, maxDepth)
    const met = new Set<string>()
    const ahead: Ahead[] = [{ roomId: request.roomId, via: request.via, depth: 0 }]
    const pause = createYielder()
    for (let next = ahead.pop(); next !== undefined && met.size < maxRooms; next = ahead.pop()) {
      await pause()
      if (met.has(next.roomId)) continue
      met.add(next.roomId)
      const found = await place(next.roomId, next.via, { userId: request.userId, suggestedOnly })
      if (found === undefined) continue
      yield found
      if (next.depth >= deepest) continue
      for (const { state_key: roomId, content } of found.children_state.toReversed()) {
        const via = stringsOf({ content: isJsonObject(content) ? content : {} }, 'via')
        ahead.push({ roomId: String(roomId), via, depth: next.depth + 1 })
      }
    }
  }

  return async (request) => {
    const begin = request.from === undefined ? undefined : parseHierarchyToken(request, request.from)
    if (request.from !== undefined && begin === undefined) {
      throw errors.invalidParam('from is not a token that this request got before')
    }
    const met: Place[] = []
    // Where the last room has left the tree since, its number in the walk stands for it.
    let start = begin === undefined ? 0 : undefined
    for await (const found of walk(request)) {
      met.push(found)
      if (start === undefined && markOf(found.room_id) === begin?.mark) start = met.length
      if (start !== undefined && met.length > start + request.limit) break
    }
    if (met.length === 0) throw errors.forbidden('You are not allowed to view this room')
    start ??= begin?.count ?? 0
    const rooms = met.slice(start, start + request.limit)
    const last = rooms.at(-1)
    if (last === undefined || met.length <= start + rooms.length) return { rooms }
    const next = { count: start + rooms.length, mark: markOf(last.room_id) }
    return { rooms, next_batch: formatHierarchyToken(request, next) }
  }
}
