import type { Reader } from '../db/database.ts'
import type { JsonObject } from '../matrix/event.ts'
import { formatStreamToken } from '../matrix/stream-token.ts'
import type { MembershipRow } from '../rooms/reads.ts'
import { summarise, summaryContent } from '../rooms/summary.ts'
import type { Room, StoredEvent } from '../rooms/types.ts'
import { type AccountDataView, filterForRoom } from './account-data.ts'
import { formatForSync } from './client-format.ts'
import type { SentMembers } from './lazy-members.ts'
import type { Count, SyncPorts } from './ports.ts'
import { sectionState } from './room-state.ts'
import { stickySection, unseenSticky } from './sticky-section.ts'
import { type Slice, sliceTimeline } from './timeline-section.ts'
import type { JoinedRoom, SyncRequest, Window } from './types.ts'

export interface JoinedInput {
  readonly room: Room
  readonly row: MembershipRow
  readonly window: Window
  /** False where nobody has read anything since. */
  readonly hasReceipts: boolean
  readonly ephemeralSince: number
  readonly ignored: ReadonlySet<string>
  readonly accountData: AccountDataView
}

/** The section of a room that the user is in; undefined where nothing in it is new. */
export async function joinedRoom(
  ports: SyncPorts,
  sent: SentMembers,
  reader: Reader,
  request: SyncRequest,
  input: JoinedInput,
): Promise<JoinedRoom | undefined> {
  const { reads } = ports
  const { room, window } = input
  const { userId } = request.requester
  const isCompleted = window.since !== undefined && room.completePos !== undefined && room.completePos > window.since
  const isLazy = request.filter.room?.state?.lazy_load_members === true
  const fresh = (isCompleted && !isLazy) || (await isFresh(ports, reader, input))
  const since = fresh ? undefined : window.since
  const slice = await sliceTimeline(reads, reader, {
    room,
    userId,
    after: since,
    upTo: window.to,
    filter: request.filter.room?.timeline,
    ignored: input.ignored,
    isIn: true,
  })
  const knownNid =
    since === undefined || request.fullState ? undefined : await reads.recent.stateNidAt(reader, room.nid, since)
  const membersChanged = fresh || isCompleted || request.fullState || knownNid !== room.stateNid
  const summary = membersChanged ? await summarise(reads, reader, room, userId) : undefined
  const state = await roomState(ports, sent, reader, request, {
    room,
    window,
    slice,
    known: knownNid,
    fresh: fresh || request.fullState,
    extraMembers: (summary?.heroes ?? []).map((hero) => hero.event_nid),
  })
  const ephemeral = await ephemeralEvents(ports, reader, request, input, since)
  const accountData = filterForRoom(
    request.filter.room?.account_data,
    room.roomId,
    await input.accountData.ofRoom(room.roomId, since === undefined),
  )
  const sticky = await unseenSticky(reads, reader, room, {
    after: since,
    upTo: window.to,
    shown: slice.events.map(({ eventId }) => eventId),
    ignored: input.ignored,
  })
  const unread = await unreadCounts(ports, reader, request, room)
  const section: JoinedRoom = {
    timeline: {
      events: await formatForSync(reads, reader, room, slice.events, request, {
        isIn: true,
        // Without a gap the client is told of the children themselves.
        bundled: since === undefined || slice.limited,
      }),
      limited: slice.limited,
      prev_batch: formatStreamToken({ position: slice.before, ephemeral: 0 }),
    },
    [request.stateAfter]: { events: await formatForSync(reads, reader, room, state, request, { isIn: true }) },
    summary: summary === undefined ? {} : summaryContent(summary),
    ephemeral: { events: ephemeral },
    account_data: { events: accountData },
    ...(sticky.length > 0 && (await stickySection(reads, reader, room, sticky, request))),
    ...unread,
  }
  const news = slice.events.length + state.length + ephemeral.length + accountData.length + sticky.length
  // A timeline that may hold nothing still tells that there is something, and how much is unread.
  return fresh || isCompleted || request.fullState || news > 0 || slice.limited ? section : undefined
}

/** Whether the client knows nothing of this room yet: an initial sync, or a room joined since. */
async function isFresh({ reads }: SyncPorts, reader: Reader, { room, row, window }: JoinedInput): Promise<boolean> {
  if (window.since === undefined) return true
  if (row.stream_pos <= window.since) return false
  return (await reads.membershipAt(reader, room.nid, row.user_id, window.since)) !== 'join'
}

interface RoomStateInput {
  readonly room: Room
  readonly window: Window
  readonly slice: Slice
  readonly known: number | undefined
  readonly fresh: boolean
  readonly extraMembers: readonly number[]
}

async function roomState(
  ports: SyncPorts,
  sent: SentMembers,
  reader: Reader,
  request: SyncRequest,
  { room, window, slice, known, fresh, extraMembers }: RoomStateInput,
): Promise<StoredEvent[]> {
  const { reads } = ports
  const first = slice.events[0]
  const start =
    first?.streamPos === undefined
      ? room.stateNid
      : await reads.recent.stateNidAt(reader, room.nid, first.streamPos - 1)
  return sectionState(reads, sent, reader, request, {
    room,
    window,
    known,
    start,
    end: room.stateNid,
    timeline: slice.events,
    extraMembers,
    fresh,
  })
}

async function ephemeralEvents(
  ports: SyncPorts,
  reader: Reader,
  request: SyncRequest,
  { room, window, ephemeralSince, hasReceipts }: JoinedInput,
  since: number | undefined,
): Promise<JsonObject[]> {
  const filter = request.filter.room?.ephemeral
  const events: JsonObject[] = []
  const { typing: typists } = ports.ephemeral
  const typing = typists.users(room.roomId)
  // Whom the client saw typing before a restart does so no more.
  const changed =
    since === undefined
      ? typing.length > 0
      : typists.isFromBefore(ephemeralSince) || typists.changedSince(ephemeralSince).includes(room.roomId)
  if (changed) events.push({ type: 'm.typing', content: { user_ids: [...typing] } })
  const receipts =
    since !== undefined && !hasReceipts
      ? undefined
      : await ports.ephemeral.receipts.content(reader, request.requester.userId, room.nid, {
          after: since,
          upTo: window.to,
        })
  if (receipts !== undefined) events.push({ type: 'm.receipt', content: receipts })
  return filterForRoom(filter, room.roomId, events)
}

const wire = ({ notificationCount, highlightCount }: Count) => ({
  notification_count: notificationCount,
  highlight_count: highlightCount,
})

async function unreadCounts(ports: SyncPorts, reader: Reader, request: SyncRequest, room: Room) {
  const { userId } = request.requester
  if (request.filter.room?.timeline?.unread_thread_notifications !== true) {
    return { unread_notifications: wire(await ports.push.counts(reader, userId, room.nid)) }
  }
  const { main, threads } = await ports.push.countsByThread(reader, userId, room.nid)
  const byThread = Object.fromEntries(Object.entries(threads).map(([root, count]) => [root, wire(count)]))
  return { unread_notifications: wire(main), unread_thread_notifications: byThread }
}
