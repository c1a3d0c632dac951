import type { Reader } from '../db/database.ts'
import { matchesFilter } from '../matrix/event-filter.ts'
import type { RoomReads } from '../rooms/reads.ts'
import type { Room, StoredEvent } from '../rooms/types.ts'
import type { SentMembers } from './lazy-members.ts'
import { type DeltaInput, stateAfterTimeline, stateBeforeTimeline } from './state-delta.ts'
import type { SyncRequest } from './types.ts'

interface StateInput extends DeltaInput {
  readonly room: Room
  /** Member events that the client needs whatever lazy loading says. */
  readonly extraMembers: readonly number[]
  /** Whether the client begins anew with this room. */
  readonly fresh: boolean
}

const deviceOf = ({ requester }: SyncRequest) => `${requester.userId}\0${requester.deviceId ?? ''}`

/** The state events of a room's section: see `stateBeforeTimeline` and `stateAfterTimeline`, then filters and lazy loading. */
export async function sectionState(
  reads: RoomReads,
  sent: SentMembers,
  reader: Reader,
  request: SyncRequest,
  input: StateInput,
): Promise<StoredEvent[]> {
  const filter = request.filter.room?.state
  const select = request.stateAfter === 'state' ? stateBeforeTimeline : stateAfterTimeline
  const nids = await select(reads, reader, input)
  if (filter?.lazy_load_members !== true) {
    const events = await reads.events(reader, nids)
    return ordered(events.values()).filter((event) => matchesFilter(filter, event.pdu))
  }
  const events = [...(await reads.events(reader, nids)).values()]
  const others = events.filter(({ pdu }) => pdu.type !== 'm.room.member')
  const members = await lazyMembers(reads, sent, reader, request, input)
  return ordered([...others, ...members]).filter((event) => matchesFilter(filter, event.pdu))
}

/** Member events of those who appear in the timeline, that the device has not been sent. */
async function lazyMembers(
  reads: RoomReads,
  sent: SentMembers,
  reader: Reader,
  request: SyncRequest,
  { room, timeline, start, end, extraMembers, fresh }: StateInput,
): Promise<StoredEvent[]> {
  const device = deviceOf(request)
  if (fresh) sent.forget(device, room.nid)
  const at = request.stateAfter === 'state' ? start : end
  const people = new Set<string>(timeline.map(({ pdu }) => pdu.sender))
  if (fresh) people.add(request.requester.userId)
  const shown = new Set(timeline.filter(({ pdu }) => pdu.type === 'm.room.member').map(({ nid }) => nid))
  const nids = new Set(extraMembers)
  for (const userId of people) {
    const member = await reads.view.entry(reader, at, 'm.room.member', userId)
    if (member !== undefined) nids.add(member.nid)
  }
  const redundant = request.filter.room?.state?.include_redundant_members === true
  const wanted = redundant ? [...nids] : sent.unsent(device, room.nid, [...nids])
  if (!redundant) sent.unsent(device, room.nid, [...shown])
  const hidden = request.stateAfter === 'state' ? wanted.filter((nid) => !shown.has(nid)) : wanted
  return [...(await reads.events(reader, hidden)).values()]
}

function ordered(events: Iterable<StoredEvent>): StoredEvent[] {
  return [...events].sort((a, b) => (a.streamPos ?? 0) - (b.streamPos ?? 0))
}
