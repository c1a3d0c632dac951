import type { Reader } from '../../db/database.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { EventId } from '../../matrix/ids.ts'
import { createYielder } from '../../util/async.ts'
import type { Bundler, ClientEvents } from '../client-event.ts'
import type { EventCache } from '../event-cache.ts'
import type { IgnoredUsers } from '../ignored.ts'
import type { Room, StoredEvent } from '../types.ts'
import type { Visibility } from '../visibility.ts'
import { type Candidates, collectCandidates, type Viewer, visibleCandidates } from './candidates.ts'
import { byRecency, isValidEdit } from './edits.ts'
import { listSummaries } from './store-summaries.ts'
import { summariseThread, type ThreadSummary } from './thread-summary.ts'

export interface AggregationDeps {
  readonly events: EventCache
  readonly visibility: Visibility
  readonly clientEvents: ClientEvents
  readonly ignoredUsers: IgnoredUsers
}

/** What is bundled with an event, before it is written out. */
interface Bundle {
  readonly parent: EventId
  readonly edit: StoredEvent | undefined
  readonly references: readonly StoredEvent[]
  readonly thread: ThreadSummary | undefined
}

/**
 * Makes `m.relations` for events that have edits, references or a thread. Annotations are for clients to count, and state
 * events get nothing. https://spec.matrix.org/v1.19/client-server-api/#aggregations-of-child-events
 */
export function createAggregations(deps: AggregationDeps): Bundler {
  async function bundle(
    reader: Reader,
    room: Room,
    { parent, edits, references, thread }: Candidates,
    visible: ReadonlyMap<number, StoredEvent>,
    viewer: Viewer,
  ): Promise<Bundle> {
    const seen = (nids: readonly number[]) => nids.flatMap((nid) => visible.get(nid) ?? [])
    const summarised = thread && { root: parent, replies: thread.replies, newest: visible.get(thread.newest) }
    return {
      parent: parent.eventId,
      edit: seen(edits)
        .filter(({ pdu }) => isValidEdit(parent.pdu, pdu))
        .sort(byRecency)[0],
      references: seen(references).reverse(),
      thread: summarised && (await summariseThread(deps, reader, room, summarised, viewer)),
    }
  }

  return async (reader, room, events, audience, isIn) => {
    const parents = new Map(
      events.filter(({ pdu }) => pdu.state_key === undefined).map((event) => [event.eventId, event]),
    )
    const summaries = await listSummaries(reader, room.nid, [...parents.keys()])
    if (summaries.length === 0) return new Map()
    const { userId } = audience
    const viewer = { userId, ignored: await deps.ignoredUsers(reader, userId), isIn }
    const candidates = await collectCandidates(reader, room, parents, summaries, viewer.ignored)
    const visible = await visibleCandidates(deps, reader, room, candidates, viewer)
    const bundles: Bundle[] = []
    const pause = createYielder()
    for (const each of candidates) {
      bundles.push(await bundle(reader, room, each, visible, viewer))
      await pause()
    }
    const shown = bundles.flatMap(({ edit, thread }) => [edit, thread?.latest].filter((event) => event !== undefined))
    // Ends by itself: a reply starts no thread, and an edit is not edited.
    const formatted = await deps.clientEvents.format(reader, room, shown, audience, { isIn })
    const byId = new Map(formatted.map((event) => [event.event_id, event]))
    return new Map(bundles.flatMap((each) => wireOf(each, byId)))
  }
}

function wireOf(
  { parent, edit, references, thread }: Bundle,
  formatted: ReadonlyMap<EventId, JsonObject>,
): [EventId, JsonObject][] {
  const relations: JsonObject = {}
  if (references.length > 0)
    relations['m.reference'] = { chunk: references.map(({ eventId }) => ({ event_id: eventId })) }
  const replacement = edit && formatted.get(edit.eventId)
  if (replacement !== undefined) relations['m.replace'] = replacement
  const latest = thread && formatted.get(thread.latest.eventId)
  if (latest !== undefined) {
    relations['m.thread'] = {
      latest_event: latest,
      count: thread?.count ?? 0,
      current_user_participated: thread?.participated ?? false,
    }
  }
  return Object.keys(relations).length > 0 ? [[parent, { 'm.relations': relations }]] : []
}
