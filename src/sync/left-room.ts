import type { Reader } from '../db/database.ts'
import { formatStreamToken } from '../matrix/stream-token.ts'
import { filterEvents } from '../rooms/filter-events.ts'
import type { MembershipRow } from '../rooms/reads.ts'
import type { Room, StoredEvent } from '../rooms/types.ts'
import { type AccountDataView, filterForRoom } from './account-data.ts'
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
 * The section of a room that the user is no longer in: what there was until he left, and the event by which he is out
 * now, which may be a later one, such as a ban. That event is always there, whatever the history visibility; for somebody
 * who was never in (a rejected invite) it is all there is.
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
  const stay = await toldStay(reads, reader, room, userId, window.since)
  const end = stay?.ended
  // Of a room that the user came into and left again since, the client knows nothing yet.
  const since = stay?.isNew ? undefined : window.since
  const filter = request.filter.room?.timeline
  const slice: Slice =
    end?.streamPos === undefined
      ? { events: [], limited: false, before: leave.streamPos - 1 }
      : await sliceTimeline(reads, reader, {
          room,
          userId,
          after: since,
          upTo: end.streamPos,
          filter,
          ignored,
          isIn: false,
        })
  const isWanted = (await filterEvents(reader, filter, [leave])).length > 0
  const events = withLeave(slice, leave, filter?.limit, isWanted)
  const first = slice.events[0]?.streamPos
  const known = since === undefined ? undefined : await reads.recent.stateNidAt(reader, room.nid, since)
  const state =
    end === undefined
      ? []
      : await sectionState(reads, sent, reader, request, {
          room,
          window,
          known,
          start: first === undefined ? end.stateNid : await reads.recent.stateNidAt(reader, room.nid, first - 1),
          end: end.stateNid,
          timeline: events,
          extraMembers: [],
          fresh: since === undefined,
        })
  // Where the timeline changes no state, the leave has to stand in the state too.
  const placed = request.stateAfter === 'state' ? [...events, ...state] : state
  const hiddenLeave = placed.some((event) => event.nid === leave.nid) ? [] : [leave]
  return {
    timeline: {
      events: await formatForSync(reads, reader, room, events, request),
      limited: slice.limited,
      prev_batch: formatStreamToken({ position: slice.before, ephemeral: 0 }),
    },
    [request.stateAfter]: { events: await formatForSync(reads, reader, room, [...state, ...hiddenLeave], request) },
    account_data: {
      events: filterForRoom(
        request.filter.room?.account_data,
        room.roomId,
        await accountData.ofRoom(room.roomId, since === undefined),
      ),
    },
  }
}

export interface ToldStay {
  readonly ended: StoredEvent
  /** Whether it began after the client's position. */
  readonly isNew: boolean
}

/** The user's last stay in a room that they are out of, as far as this answer tells of it: undefined where it ended before, or never was. */
export async function toldStay(
  reads: SyncPorts['reads'],
  reader: Reader,
  room: Room,
  userId: string,
  since: number | undefined,
): Promise<ToldStay | undefined> {
  const ended = (await reads.lastStay(reader, room.nid, userId))?.ended
  if (ended?.streamPos === undefined) return undefined
  if (since === undefined) return { ended, isNew: false }
  if (ended.streamPos <= since) return undefined
  return { ended, isNew: (await reads.membershipAt(reader, room.nid, userId, since)) !== 'join' }
}

export function withLeave(
  slice: Slice,
  leave: StoredEvent,
  limit: number | undefined,
  matches: boolean,
): StoredEvent[] {
  if (limit === 0 || !matches) return []
  if (slice.events.some((event) => event.nid === leave.nid)) return slice.events
  return [...slice.events, leave]
}
