import type { Reader } from '../db/database.ts'
import { matchesFilter } from '../matrix/event-filter.ts'
import { formatStreamToken } from '../matrix/stream-token.ts'
import type { MembershipRow } from '../rooms/reads.ts'
import type { Room, StoredEvent } from '../rooms/types.ts'
import { type AccountDataView, filterByType } from './account-data.ts'
import { formatForSync } from './client-format.ts'
import type { SentMembers } from './lazy-members.ts'
import type { SyncPorts } from './ports.ts'
import { sectionState } from './room-state.ts'
import { type Slice, sliceTimeline } from './timeline-section.ts'
import type { LeftRoom, SyncRequest, Window } from './types.ts'

export interface LeftInput {
  readonly room: Room
  readonly row: MembershipRow
  readonly window: Window
  readonly ignored: ReadonlySet<string>
  readonly accountData: AccountDataView
}

/**
 * The section of a room that the user is no longer in, up to his own leave event. That event is always there, whatever
 * the history visibility; for somebody who was never in (a rejected invite) it is all there is.
 */
export async function leftRoom(
  ports: SyncPorts,
  sent: SentMembers,
  reader: Reader,
  request: SyncRequest,
  { room, row, window, ignored, accountData }: LeftInput,
): Promise<LeftRoom | undefined> {
  const { reads } = ports
  const { userId } = request.requester
  const leave = (await reads.events(reader, [row.event_nid])).get(row.event_nid)
  if (leave?.streamPos === undefined) return undefined
  const since = window.since
  const wasIn =
    since === undefined
      ? await wasJoinedBefore(ports, reader, leave, userId)
      : (await reads.membershipAt(reader, room.nid, userId, since)) === 'join'
  const filter = request.filter.room?.timeline
  const slice: Slice = wasIn
    ? await sliceTimeline(reads, reader, {
        room,
        userId,
        after: since,
        upTo: leave.streamPos,
        filter,
        ignored,
        isIn: false,
      })
    : { events: [], limited: false, before: leave.streamPos - 1 }
  const events = withLeave(slice, leave, filter?.limit, matchesFilter(filter, leave.pdu))
  const first = events[0]?.streamPos
  const start = first === undefined ? leave.stateNid : await reads.recent.stateNidAt(reader, room.nid, first - 1)
  const known = since === undefined || !wasIn ? undefined : await reads.recent.stateNidAt(reader, room.nid, since)
  const state = wasIn
    ? await sectionState(reads, sent, reader, request, {
        room,
        known,
        start,
        end: leave.stateNid,
        timeline: events,
        extraMembers: [],
        fresh: since === undefined,
      })
    : []
  const shown = new Set(events)
  const hiddenLeave = shown.has(leave) || state.some((event) => event.nid === leave.nid) ? [] : [leave]
  return {
    timeline: {
      events: await formatForSync(reads, reader, room, events, request),
      limited: slice.limited,
      prev_batch: formatStreamToken({ position: slice.before, ephemeral: 0 }),
    },
    [request.stateAfter]: { events: await formatForSync(reads, reader, room, [...state, ...hiddenLeave], request) },
    account_data: {
      events: filterByType(
        request.filter.room?.account_data,
        await accountData.ofRoom(room.roomId, since === undefined),
      ),
    },
  }
}

async function wasJoinedBefore({ reads }: SyncPorts, reader: Reader, leave: StoredEvent, userId: string) {
  const before = await reads.view.entry(reader, leave.beforeNid, 'm.room.member', userId)
  return before !== undefined && before.pdu.content.membership !== 'invite' && before.pdu.content.membership !== 'knock'
}

function withLeave(slice: Slice, leave: StoredEvent, limit: number | undefined, matches: boolean): StoredEvent[] {
  if (limit === 0 || !matches) return []
  if (slice.events.some((event) => event.nid === leave.nid)) return slice.events
  return [...slice.events, leave]
}
