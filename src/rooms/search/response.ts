import type { Reader } from '../../db/database.ts'
import { formatStreamToken } from '../../matrix/stream-token.ts'
import { createYielder } from '../../util/async.ts'
import type { Audience, ClientEvent } from '../client-event.ts'
import type { RoomReads } from '../reads.ts'
import type { StoredEvent } from '../types.ts'
import type { Hit } from './hits.ts'
import type { SearchPage } from './pages.ts'
import type { GroupKey } from './search-query.ts'
import type { SearchPlace } from './search-token.ts'
import { type ContextRequest, lookAround, type Surroundings } from './surroundings.ts'

export interface ResponseRequest {
  readonly groupBy: readonly GroupKey[]
  readonly includeState: boolean
  /** Undefined: without what stands around the results. */
  readonly context: ContextRequest | undefined
}

interface FoundEvent {
  rank: number
  result: ClientEvent
  context?: {
    start: string
    end: string
    events_before: ClientEvent[]
    events_after: ClientEvent[]
    profile_info?: Surroundings['profiles']
  }
}

interface FoundGroup {
  order: number
  results: string[]
  next_batch?: string
}

/** `room_events` of the answer to `POST /search`. */
export interface FoundEvents {
  count: number
  highlights: string[]
  results: FoundEvent[]
  state?: Record<string, ClientEvent[]>
  groups?: Partial<Record<GroupKey, Record<string, FoundGroup>>>
  next_batch?: string
}

interface Deps extends Pick<RoomReads, 'view' | 'visibility' | 'clientEvents'> {
  readonly ignored: ReadonlySet<string>
  readonly toToken: (place: SearchPlace) => string
}

/** The answer to a search for nothing. */
export function nothingFound(request: ResponseRequest): FoundEvents {
  return {
    count: 0,
    highlights: [],
    results: [],
    ...(request.includeState ? { state: {} } : {}),
    ...(request.groupBy.length === 0 ? {} : { groups: {} }),
  }
}

/** Writes a page of results out. */
export async function respond(
  deps: Deps,
  reader: Reader,
  audience: Audience,
  page: SearchPage,
  request: ResponseRequest,
): Promise<FoundEvents> {
  const around = new Map<Hit, Surroundings>()
  const pause = createYielder()
  for (const hit of page.hits) {
    await pause()
    if (request.context === undefined) continue
    around.set(hit, await lookAround(deps, reader, audience.userId, deps.ignored, hit, request.context))
  }
  const events = await formatAll(deps, reader, audience, page.hits, around)
  const write = (list: readonly StoredEvent[]) => list.flatMap(({ nid }) => events.get(nid) ?? [])
  const results = page.hits.flatMap((hit) => {
    const [result] = write([hit.event])
    if (result === undefined) return []
    const surroundings = around.get(hit)
    return [{ rank: hit.rank, result, ...(surroundings && { context: contextOf(surroundings, write) }) }]
  })
  return {
    count: page.count,
    highlights: [...new Set(page.hits.flatMap(({ highlights }) => highlights))],
    results,
    ...(request.includeState ? { state: await statesOf(deps, reader, audience, page.hits) } : {}),
    ...(request.groupBy.length === 0 ? {} : { groups: groupsOf(page, deps.toToken) }),
    ...(page.next === undefined ? {} : { next_batch: deps.toToken(page.next) }),
  }
}

/** Every event of the page once, room by room. */
async function formatAll(
  { clientEvents }: Deps,
  reader: Reader,
  audience: Audience,
  hits: readonly Hit[],
  around: ReadonlyMap<Hit, Surroundings>,
): Promise<ReadonlyMap<number, ClientEvent>> {
  const rooms = new Map<Hit['in'], Map<number, StoredEvent>>()
  for (const hit of hits) {
    const events = rooms.get(hit.in) ?? new Map<number, StoredEvent>()
    const { before = [], after = [] } = around.get(hit) ?? {}
    for (const event of [hit.event, ...before, ...after]) events.set(event.nid, event)
    rooms.set(hit.in, events)
  }
  const formatted = new Map<number, ClientEvent>()
  for (const [{ room, isIn }, events] of rooms) {
    const list = [...events.values()]
    const written = await clientEvents.format(reader, room, list, audience, { isIn })
    for (const [i, event] of written.entries()) formatted.set(list[i]?.nid ?? 0, event)
  }
  return formatted
}

function contextOf(
  { before, after, start, end, profiles }: Surroundings,
  write: (events: readonly StoredEvent[]) => ClientEvent[],
): NonNullable<FoundEvent['context']> {
  return {
    start: formatStreamToken({ position: start, ephemeral: 0 }),
    end: formatStreamToken({ position: end, ephemeral: 0 }),
    events_before: write(before),
    events_after: write(after),
    ...(profiles === undefined ? {} : { profile_info: profiles }),
  }
}

async function statesOf(
  { view, clientEvents }: Deps,
  reader: Reader,
  audience: Audience,
  hits: readonly Hit[],
): Promise<Record<string, ClientEvent[]>> {
  const states: Record<string, ClientEvent[]> = {}
  for (const { room, stateNid, isIn } of new Set(hits.map((hit) => hit.in))) {
    const state = await view.all(reader, stateNid)
    states[room.roomId] = await clientEvents.format(reader, room, state, audience, { isIn })
  }
  return states
}

function groupsOf(page: SearchPage, toToken: Deps['toToken']): FoundEvents['groups'] {
  const groups: NonNullable<FoundEvents['groups']> = {}
  for (const [i, { key, value, hits, next }] of page.groups.entries()) {
    const group: Record<string, FoundGroup> = groups[key] ?? {}
    groups[key] = group
    group[value] = {
      order: i + 1,
      results: hits.map(({ event }) => event.eventId),
      ...(next === undefined ? {} : { next_batch: toToken(next) }),
    }
  }
  return groups
}
