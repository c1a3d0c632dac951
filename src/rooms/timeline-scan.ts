import type { Reader } from '../db/database.ts'
import { matchesRoom, type RoomEventFilter } from '../matrix/event-filter.ts'
import type { EventId, UserId } from '../matrix/ids.ts'
import { createYielder } from '../util/async.ts'
import type { RoomAccess } from './access.ts'
import { filterEvents } from './filter-events.ts'
import { listGaps } from './history/gaps.ts'
import { type IgnoredUsers, isHeard } from './ignored.ts'
import { listTimeline } from './store-events.ts'
import type { StoredEvent } from './types.ts'
import type { Visibility } from './visibility.ts'

export interface PageRequest {
  readonly dir: 'b' | 'f'
  /** Stream position to begin at; undefined: the newest end for `b`, the oldest for `f`. */
  readonly from: number | undefined
  readonly to: number | undefined
  readonly limit: number
  readonly filter: RoomEventFilter | undefined
}

const pageSize = 100
/** A filter that lets hardly anything through reads at most this many events in one request. */
const maxScanned = 5000
const oldest = Number.MIN_SAFE_INTEGER

export interface Scan {
  readonly events: StoredEvent[]
  /** Where to go on; undefined where there is nothing further here. */
  readonly next: number | undefined
  /** Events that were met, seen by the user or not, before which something is missing here. */
  readonly gaps: EventId[]
  /** The position behind the last event that was met. */
  readonly at: number
}

interface Deps {
  readonly visibility: Visibility
  readonly ignoredUsers: IgnoredUsers
}

/** Visible events that match, from a position on. With `withGaps` it says also what is missing. */
export type ScanTimeline = (
  reader: Reader,
  access: RoomAccess,
  userId: UserId,
  request: PageRequest,
  withGaps?: boolean,
) => Promise<Scan>

export function createScan({ visibility, ignoredUsers }: Deps): ScanTimeline {
  return async (reader, access, userId, request, withGaps = false) => {
    const { dir, filter, limit } = request
    const { room, upTo } = access
    const gaps: EventId[] = []
    let at = Math.min(request.from ?? (dir === 'b' ? upTo : oldest), upTo)
    if (!matchesRoom(filter, room.roomId)) return { events: [], next: undefined, gaps, at }
    const pause = createYielder()
    const ignored = await ignoredUsers(reader, userId)
    const found: StoredEvent[] = []
    if (withGaps && dir === 'b') {
      // A client that goes on where a sync ended has met the event above already.
      const above = { roomNid: room.nid, after: at, upTo: Number.MAX_SAFE_INTEGER, limit: 1 }
      gaps.push(...(await listGaps(reader, room, await listTimeline(reader, 'f', above))))
    }
    const stop = dir === 'b' ? (request.to ?? oldest) : Math.min(request.to ?? upTo, upTo)
    for (let scanned = 0; scanned < maxScanned; ) {
      const range = dir === 'b' ? { after: stop, upTo: at } : { after: at, upTo: stop }
      const events = await listTimeline(reader, dir, { roomNid: room.nid, ...range, limit: pageSize })
      if (withGaps) gaps.push(...(await listGaps(reader, room, events)))
      const visible = await visibility.filter(reader, room, userId, events)
      const wanted = new Set(await filterEvents(reader, filter, visible))
      for (const event of events) {
        const pos = event.streamPos ?? 0
        at = dir === 'b' ? pos - 1 : pos
        if (!wanted.has(event) || !isHeard(event, ignored)) continue
        found.push(event)
        if (found.length < limit) continue
        const isOldest = dir === 'b' && events.length < pageSize && event === events.at(-1)
        return { events: found, next: isOldest ? undefined : at, gaps, at }
      }
      if (events.length < pageSize) return { events: found, next: undefined, gaps, at }
      scanned += events.length
      await pause()
    }
    return { events: found, next: at, gaps, at }
  }
}
