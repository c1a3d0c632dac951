import type { Reader } from '../db/database.ts'
import type { EventId } from '../matrix/ids.ts'
import { isHeard } from '../rooms/ignored.ts'
import type { RoomReads } from '../rooms/reads.ts'
import type { Room, StoredEvent } from '../rooms/types.ts'
import { formatForSync } from './client-format.ts'
import type { JoinedRoom, SyncRequest } from './types.ts'

interface Seen {
  /** What the timeline shows. */
  readonly shown: Iterable<EventId>
  readonly ignored: ReadonlySet<string>
}

/**
 * The sticky events of a room that its timeline does not show: those in `(after, upTo]`, or all. Members get them
 * whatever the history visibility says. https://github.com/matrix-org/matrix-spec-proposals/pull/4354
 */
export async function unseenSticky(
  reads: Pick<RoomReads, 'sticky'>,
  reader: Reader,
  room: Room,
  { shown, ignored, ...range }: Seen & { readonly after: number | undefined; readonly upTo: number },
): Promise<StoredEvent[]> {
  return unseen(await reads.sticky.list(reader, room, range), { shown, ignored })
}

export function unseen(events: readonly StoredEvent[], { shown, ignored }: Seen): StoredEvent[] {
  if (events.length === 0) return []
  const known = new Set(shown)
  return events.filter((event) => !known.has(event.eventId) && isHeard(event, ignored))
}

export async function stickySection(
  reads: RoomReads,
  reader: Reader,
  room: Room,
  events: readonly StoredEvent[],
  request: SyncRequest,
): Promise<Pick<JoinedRoom, 'sticky' | 'msc4354_sticky'>> {
  const formatted = await formatForSync(reads, reader, room, events, request, { isIn: true })
  return { sticky: { events: formatted }, msc4354_sticky: { events: formatted } }
}
