import type { Reader } from '../db/database.ts'
import { matchesRoom, type RoomEventFilter } from '../matrix/event-filter.ts'
import type { UserId } from '../matrix/ids.ts'
import { filterEvents } from '../rooms/filter-events.ts'
import { isHeard } from '../rooms/ignored.ts'
import type { RoomReads } from '../rooms/reads.ts'
import type { Room, StoredEvent } from '../rooms/types.ts'
import { createYielder } from '../util/async.ts'

export interface Slice {
  /** Oldest first. */
  readonly events: StoredEvent[]
  /** Whether there is, or may be, more between the client's position and the first event. */
  readonly limited: boolean
  /** History goes on backwards from here. */
  readonly before: number
}

const defaultLimit = 10
const maxLimit = 100
const page = 50
/** A filter that lets hardly anything through looks at most this far back. */
const maxScanned = 2000

interface SliceInput {
  readonly room: Room
  readonly userId: UserId
  readonly after: number | undefined
  readonly upTo: number
  readonly filter: RoomEventFilter | undefined
  readonly ignored: ReadonlySet<string>
  /** Whether the user is in the room now. */
  readonly isIn: boolean
}

/** The newest events of a window that the user may see and that the filter lets through. */
export async function sliceTimeline(reads: RoomReads, reader: Reader, input: SliceInput): Promise<Slice> {
  const { room, userId, filter, upTo, ignored } = input
  const limit = Math.min(filter?.limit ?? defaultLimit, maxLimit)
  const after = input.after ?? Number.MIN_SAFE_INTEGER
  const pause = createYielder()
  const events: StoredEvent[] = []
  let at = upTo
  if (!matchesRoom(filter, room.roomId)) return finish(events, false)
  for (let scanned = 0; scanned < maxScanned; ) {
    // The first page is all that an unfiltered timeline needs.
    const size = scanned === 0 ? limit + 1 : page
    const batch = await reads.recent.timeline(reader, { roomNid: room.nid, after, upTo: at, limit: size })
    const visible = await reads.visibility.filter(reader, room, userId, batch, input.isIn)
    const wanted = new Set(await filterEvents(reader, filter, visible))
    for (const event of batch) {
      if (wanted.has(event) && isHeard(event, ignored)) {
        if (events.length === limit) return finish(events, true)
        events.push(event)
      }
      // What is older is not what came just before.
      if (await reads.recent.isAfterGap(reader, event)) return finish(events, true)
    }
    if (batch.length < size) return finish(events, false)
    at = (batch.at(-1)?.streamPos ?? at) - 1
    scanned += batch.length
    await pause()
  }
  return finish(events, true)

  function finish(newestFirst: StoredEvent[], limited: boolean): Slice {
    const first = newestFirst.at(-1)?.streamPos
    const before = first === undefined ? (limited ? upTo : Math.max(after, 0)) : first - 1
    return { events: newestFirst.reverse(), limited, before }
  }
}
