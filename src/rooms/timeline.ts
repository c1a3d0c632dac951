import type { Database, Reader } from '../db/database.ts'
import { errors } from '../matrix/errors.ts'
import { matchesRoom, type RoomEventFilter } from '../matrix/event-filter.ts'
import type { UserId } from '../matrix/ids.ts'
import { type RoomAccess, requireAccess } from './access.ts'
import type { Audience, ClientEvent, ClientEvents } from './client-event.ts'
import { filterEvents } from './filter-events.ts'
import type { HistoryFiller } from './history/filler.ts'
import { type IgnoredUsers, isHeard } from './ignored.ts'
import type { RoomView } from './room-view.ts'
import { getEventById } from './store-events.ts'
import { createScan, type PageRequest } from './timeline-scan.ts'
import type { Room, StoredEvent } from './types.ts'
import type { Visibility } from './visibility.ts'
import { requireVisibleEvent } from './visible-event.ts'

export type { PageRequest } from './timeline-scan.ts'

export interface Page {
  readonly chunk: ClientEvent[]
  readonly start: number
  /** Undefined when there is nothing further. */
  readonly end: number | undefined
  /** Member events of the chunk's senders, when the filter asks for lazy loading. */
  readonly state: ClientEvent[]
}

export interface EventContext {
  readonly event: ClientEvent
  readonly before: ClientEvent[]
  readonly after: ClientEvent[]
  readonly state: ClientEvent[]
  readonly start: number
  readonly end: number
}

export interface Timeline {
  messages(audience: Audience, roomId: string, request: PageRequest): Promise<Page>
  /** Throws 404 for events that do not exist or that the user may not see. */
  event(audience: Audience, roomId: string, eventId: string): Promise<ClientEvent>
  context(
    audience: Audience,
    roomId: string,
    eventId: string,
    options: { limit: number; filter: RoomEventFilter | undefined },
  ): Promise<EventContext>
}

interface Deps {
  readonly db: Database
  readonly view: RoomView
  readonly visibility: Visibility
  readonly clientEvents: ClientEvents
  readonly ignoredUsers: IgnoredUsers
  readonly filler: HistoryFiller
}

/** What is fetched at once, where something is missing. */
const mostGaps = 20
const leastFilled = 50

export function createTimeline(deps: Deps): Timeline {
  const { db, view, visibility, clientEvents, ignoredUsers, filler } = deps
  const scan = createScan(deps)

  async function requireHeardEvent(reader: Reader, room: Room, userId: UserId, eventId: string): Promise<StoredEvent> {
    const event = await requireVisibleEvent(reader, visibility, room, userId, eventId)
    if (!isHeard(event, await ignoredUsers(reader, userId))) throw errors.notFound('No such event')
    return event
  }

  async function readPage({ userId, deviceId }: Audience, roomId: string, request: PageRequest) {
    return db.read(async (reader) => {
      const access = await requireAccess(reader, view, roomId, userId)
      const withGaps = filler.isReady && request.dir === 'b'
      const { events, next, gaps, at } = await scan(reader, access, userId, request, withGaps)
      const state = request.filter?.lazy_load_members ? await senders(reader, access, events) : []
      const first = events[0]?.streamPos
      const start = request.from ?? (request.dir === 'b' ? access.room.lastPos : (first ?? 1) - 1)
      const audience = { userId, deviceId }
      const page: Page = {
        chunk: await clientEvents.format(reader, access.room, events, audience),
        start,
        // What is missing here may be had another time; a page that leads nowhere would be asked for again and again.
        end: next ?? (gaps.length > 0 && at !== request.from ? at : undefined),
        state: await clientEvents.format(reader, access.room, state, audience),
      }
      return { page, gaps, roomId: access.room.roomId }
    })
  }

  async function senders(reader: Reader, access: RoomAccess, events: readonly StoredEvent[]): Promise<StoredEvent[]> {
    const members: StoredEvent[] = []
    for (const sender of new Set(events.map((event) => event.pdu.sender))) {
      const member = await view.entry(reader, access.stateNid, 'm.room.member', sender)
      if (member !== undefined) members.push(member)
    }
    return members
  }

  return {
    messages: async (audience, roomId, request) => {
      const first = await readPage(audience, roomId, request)
      if (first.gaps.length === 0) return first.page
      const isMore = await filler.fill(
        first.roomId,
        first.gaps.slice(0, mostGaps),
        Math.max(request.limit, leastFilled),
      )
      return isMore ? (await readPage(audience, roomId, request)).page : first.page
    },
    event: (audience, roomId, eventId) =>
      db.read(async (reader) => {
        const event = await getEventById(reader, eventId)
        if (event === undefined) throw errors.notFound('No such event')
        const { room } = await requireAccess(reader, view, roomId, audience.userId).catch(() => {
          throw errors.notFound('No such event')
        })
        const visible = await requireHeardEvent(reader, room, audience.userId, eventId)
        const [formatted] = await clientEvents.format(reader, room, [visible], audience)
        if (formatted === undefined) throw errors.notFound('No such event')
        return formatted
      }),
    context: (audience, roomId, eventId, { limit, filter }) =>
      db.read(async (reader) => {
        const access = await requireAccess(reader, view, roomId, audience.userId)
        const { room } = access
        const event = await requireHeardEvent(reader, room, audience.userId, eventId)
        const pos = event.streamPos ?? 0
        const side = (dir: 'b' | 'f', from: number, n: number) =>
          n === 0
            ? { events: [], next: from }
            : scan(reader, access, audience.userId, { dir, from, to: undefined, limit: n, filter })
        const before = await side('b', pos - 1, Math.floor(limit / 2))
        const after = await side('f', pos, Math.ceil(limit / 2))
        const newest = after.events.at(-1) ?? event
        const shown = [...before.events, event, ...after.events]
        const state = filter?.lazy_load_members
          ? await lazyState(reader, newest, shown)
          : await view.all(reader, newest.stateNid)
        const wanted = matchesRoom(filter, room.roomId) ? await filterEvents(reader, filter, state) : []
        const format = (events: readonly StoredEvent[]) => clientEvents.format(reader, room, events, audience)
        const [formatted] = await format([event])
        if (formatted === undefined) throw errors.notFound('No such event')
        return {
          event: formatted,
          before: await format(before.events),
          after: await format(after.events),
          state: await format(wanted),
          start: (before.events.at(-1)?.streamPos ?? pos) - 1,
          end: newest.streamPos ?? pos,
        }
      }),
  }

  /** The state at an event, with members only for the senders of the events that are shown. */
  async function lazyState(reader: Reader, at: StoredEvent, shown: readonly StoredEvent[]): Promise<StoredEvent[]> {
    const people = new Set<string>(shown.map(({ pdu }) => pdu.sender))
    const all = await view.all(reader, at.stateNid)
    return all.filter(({ pdu }) => pdu.type !== 'm.room.member' || people.has(pdu.state_key ?? ''))
  }
}
