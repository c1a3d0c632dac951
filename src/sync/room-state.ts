import type { Reader } from '../db/database.ts'
import { matchesRoom } from '../matrix/event-filter.ts'
import { filterEvents } from '../rooms/filter-events.ts'
import type { RoomReads } from '../rooms/reads.ts'
import type { Room, StoredEvent } from '../rooms/types.ts'
import type { SentMembers } from './lazy-members.ts'
import { type DeltaInput, stateAfterTimeline, stateBeforeTimeline } from './state-delta.ts'
import type { SyncRequest, Window } from './types.ts'

interface StateInput extends DeltaInput {
  readonly room: Room
  readonly window: Window
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
  if (!matchesRoom(filter, input.room.roomId)) return []
  const select = request.stateAfter === 'state' ? stateBeforeTimeline : stateAfterTimeline
  const events = [...(await reads.events(reader, await select(reads, reader, input))).values()]
  const state =
    filter?.lazy_load_members === true ? await withLazyMembers(reads, sent, reader, request, input, events) : events
  return filterEvents(reader, filter, ordered(state))
}

/**
 * Of a whole state only the members that the timeline needs; of changes all, or those who came and went in a gap would
 * be lost, and with them the members that the timeline needs and the device does not have.
 */
async function withLazyMembers(
  reads: RoomReads,
  sent: SentMembers,
  reader: Reader,
  request: SyncRequest,
  input: StateInput,
  events: readonly StoredEvent[],
): Promise<StoredEvent[]> {
  const { room, window, timeline, fresh } = input
  const device = deviceOf(request)
  if (fresh) sent.forget(device, room.nid)
  const kept = fresh ? events.filter(({ pdu }) => pdu.type !== 'm.room.member') : events
  const shown = new Set(timeline.map(({ nid }) => nid))
  const has = new Set(kept.map(({ nid }) => nid))
  const needed = (await neededMembers(reads, reader, request, input, shown)).filter((nid) => !has.has(nid))
  const redundant = request.filter.room?.state?.include_redundant_members === true
  const wanted = redundant ? needed : sent.unsent(device, room.nid, needed, window)
  const others = [...kept, ...timeline].filter(({ pdu }) => pdu.type === 'm.room.member').map(({ nid }) => nid)
  if (!redundant) sent.unsent(device, room.nid, others, window)
  return [...kept, ...(await reads.events(reader, wanted)).values()]
}

/** Numbers of the member events of everybody who appears in the timeline, as far as they do not stand in it. */
async function neededMembers(
  reads: RoomReads,
  reader: Reader,
  request: SyncRequest,
  { timeline, start, end, extraMembers, fresh }: StateInput,
  shown: ReadonlySet<number>,
): Promise<number[]> {
  const people = new Set<string>(timeline.map(({ pdu }) => pdu.sender))
  if (fresh) people.add(request.requester.userId)
  const isBefore = request.stateAfter === 'state'
  const nids = new Set(isBefore ? extraMembers.filter((nid) => !shown.has(nid)) : extraMembers)
  for (const userId of people) {
    const last = await reads.view.entry(reader, end, 'm.room.member', userId)
    // What the timeline itself says comes after what the state says.
    const isSaid = isBefore && last !== undefined && shown.has(last.nid)
    const member = isSaid ? await reads.view.entry(reader, start, 'm.room.member', userId) : last
    if (member !== undefined && !(isBefore && shown.has(member.nid))) nids.add(member.nid)
  }
  return [...nids]
}

function ordered(events: Iterable<StoredEvent>): StoredEvent[] {
  return [...events].sort((a, b) => (a.streamPos ?? 0) - (b.streamPos ?? 0))
}
