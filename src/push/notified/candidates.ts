import type { Reader } from '../../db/database.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import type { StoredEvent } from '../../rooms/types.ts'
import { MinHeap } from '../../util/min-heap.ts'
import { listHighlights } from '../store-highlights.ts'
import { listRoomHeads } from '../store-user-rooms.ts'

/** An event that may have notified the user. */
export interface Candidate {
  readonly event: StoredEvent
  readonly pos: number
}

export interface Range {
  /** Exclusive. */
  readonly after: number
  readonly upTo: number
  /** The newest position in the snapshot. */
  readonly at: number
  isMember(roomNid: number): Promise<boolean>
}

export type CandidateReads = Pick<RoomReads, 'recent' | 'events' | 'memberships' | 'changedMemberships'>

/** Beyond this many rooms with news on the whole server it is cheaper to go through the user's own rooms. */
const maxActive = 300
const pageSize = 50

interface Source {
  readonly roomNid: number
  /** Events at or below this position come next. */
  head: number
  waiting: StoredEvent[]
}

/**
 * All events of the rooms where a user is, and pending invitations, newest first. Rooms are looked into only once their
 * newest event is due, a page at a time.
 */
export async function* newestEvents(
  reads: CandidateReads,
  reader: Reader,
  userId: string,
  range: Range,
): AsyncGenerator<Candidate> {
  const queue = new MinHeap<Source>((a, b) => a.head > b.head || (a.head === b.head && a.roomNid > b.roomNid))
  for (const { roomNid, lastPos } of await openRooms(reads, reader, userId, range)) {
    queue.push({ roomNid, head: Math.min(lastPos, range.upTo), waiting: [] })
  }
  for (const { event, pos } of await invitations(reads, reader, userId, range)) {
    queue.push({ roomNid: -1, head: pos, waiting: [event] })
  }
  for (let source = queue.pop(); source !== undefined; source = queue.pop()) {
    const [event] = source.waiting
    if (event === undefined) {
      const { roomNid, head } = source
      const page = { roomNid, after: range.after, upTo: head, limit: pageSize }
      const waiting = await reads.recent.timeline(reader, page)
      if (waiting[0] !== undefined) queue.push({ roomNid, head: waiting[0].streamPos ?? 0, waiting })
      continue
    }
    yield { event, pos: source.head }
    source.waiting = source.waiting.slice(1)
    source.head = source.waiting[0]?.streamPos ?? source.head - 1
    if (source.roomNid >= 0 && source.head > range.after) queue.push(source)
  }
}

async function openRooms(reads: CandidateReads, reader: Reader, userId: string, { after, at, isMember }: Range) {
  const active = await reads.recent.activeRooms(reader, after, at, maxActive + 1)
  if (active.length > maxActive) return listRoomHeads(reader, userId, after)
  const rooms: { roomNid: number; lastPos: number }[] = []
  for (const roomNid of active) {
    if (!(await isMember(roomNid))) continue
    const room = await reads.recent.room(reader, roomNid, at)
    if (room !== undefined) rooms.push({ roomNid, lastPos: room.lastPos })
  }
  return rooms
}

async function invitations(reads: CandidateReads, reader: Reader, userId: string, range: Range): Promise<Candidate[]> {
  const rows =
    range.after > 0
      ? await reads.changedMemberships(reader, userId, range.after)
      : await reads.memberships(reader, userId, 'invite')
  const pending = rows.filter((row) => row.membership === 'invite' && row.stream_pos <= range.upTo)
  const events = await reads.events(
    reader,
    pending.map((row) => row.event_nid),
  )
  return pending.flatMap(({ event_nid: nid, stream_pos: pos }) => {
    const event = events.get(nid)
    return event === undefined ? [] : [{ event, pos }]
  })
}

/** Events that once highlighted for a user, newest first. */
export async function* highlightedEvents(
  reads: Pick<RoomReads, 'events'>,
  reader: Reader,
  userId: string,
  range: Range,
): AsyncGenerator<Candidate> {
  for (let { upTo } = range; upTo > range.after; ) {
    const page = await listHighlights(reader, { userId, upTo, limit: pageSize })
    const events = await reads.events(
      reader,
      page.map(({ eventNid }) => eventNid),
    )
    for (const { eventNid, pos } of page) {
      const event = events.get(eventNid)
      if (event !== undefined && pos > range.after) yield { event, pos }
      upTo = pos - 1
    }
    if (page.length < pageSize) return
  }
}
