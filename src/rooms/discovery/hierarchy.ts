import type { Database, Reader } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { createYielder } from '../../util/async.ts'
import type { RoomReads } from '../reads.ts'
import type { Room, StoredEvent } from '../types.ts'
import { formatHierarchyToken, type HierarchyQuery, markOf, parseHierarchyToken } from './hierarchy-token.ts'
import { outlookOf } from './outlook.ts'
import { type RoomSummary, summaryOf } from './room-summary.ts'
import { listChildren, toChildState } from './space-children.ts'

export interface HierarchyRequest extends HierarchyQuery {
  readonly limit: number
  readonly from: string | undefined
}

export interface HierarchyPage {
  rooms: (RoomSummary & { children_state: JsonObject[] })[]
  next_batch?: string
}

/**
 * A page of the tree of a space, depth first. Throws `403` where the user may not preview the root, `400` for a token of
 * another query. https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidhierarchy
 */
export type GetHierarchy = (request: HierarchyRequest) => Promise<HierarchyPage>

interface Place {
  readonly room: Room
  readonly children: readonly StoredEvent[]
}

const maxDepth = 50
/** A tree that has more rooms ends here. */
const maxRooms = 20_000

export function createHierarchy({ db, reads }: { readonly db: Database; readonly reads: RoomReads }): GetHierarchy {
  const { view } = reads

  /** Every room once, where the walk meets it first, without those that the user may know nothing of and what is below them. */
  async function* walk(reader: Reader, root: Room, request: HierarchyRequest): AsyncGenerator<Place> {
    const { userId, suggestedOnly } = request
    const deepest = Math.min(request.maxDepth ?? maxDepth, maxDepth)
    const met = new Set<string>()
    const ahead: { roomId: string; depth: number }[] = [{ roomId: root.roomId, depth: 0 }]
    const pause = createYielder()
    for (let next = ahead.pop(); next !== undefined && met.size < maxRooms; next = ahead.pop()) {
      await pause()
      if (met.has(next.roomId)) continue
      met.add(next.roomId)
      const room = await reads.roomById(reader, next.roomId)
      if (room === undefined || !(await outlookOf(reader, view, room, userId)).mayPreview) continue
      const children = await listChildren(reader, reads, room, suggestedOnly)
      yield { room, children }
      if (next.depth >= deepest) continue
      for (const { pdu } of children.toReversed()) ahead.push({ roomId: pdu.state_key ?? '', depth: next.depth + 1 })
    }
  }

  async function collect(reader: Reader, root: Room, request: HierarchyRequest): Promise<HierarchyPage> {
    const place = request.from === undefined ? undefined : parseHierarchyToken(request, request.from)
    if (request.from !== undefined && place === undefined) {
      throw errors.invalidParam('from is not a token that this request got before')
    }
    const met: Place[] = []
    // Where the last room has left the tree since, its number in the walk stands for it.
    let start = place === undefined ? 0 : undefined
    for await (const found of walk(reader, root, request)) {
      met.push(found)
      if (start === undefined && markOf(found.room.roomId) === place?.mark) start = met.length
      if (start !== undefined && met.length > start + request.limit) break
    }
    start ??= place?.count ?? 0
    const page = met.slice(start, start + request.limit)
    const rooms: HierarchyPage['rooms'] = []
    for (const { room, children } of page) {
      rooms.push({ ...(await summaryOf(reader, view, room)), children_state: children.map(toChildState) })
    }
    const last = page.at(-1)
    if (last === undefined || met.length <= start + page.length) return { rooms }
    const next = { count: start + page.length, mark: markOf(last.room.roomId) }
    return { rooms, next_batch: formatHierarchyToken(request, next) }
  }

  return (request) =>
    db.read(async (reader) => {
      const root = await reads.roomById(reader, request.roomId)
      if (root === undefined || !(await outlookOf(reader, view, root, request.userId)).mayPreview) {
        throw errors.forbidden('You are not allowed to view this room')
      }
      return collect(reader, root, request)
    })
}
