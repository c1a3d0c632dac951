import { type EventFilter, matchesFilter } from '../matrix/event-filter.ts'
import type { StreamToken } from '../matrix/stream-token.ts'
import type { PresenceEvent } from '../rooms/presence/news.ts'
import type { SyncPorts } from './ports.ts'
import type { SyncRequest } from './types.ts'

export interface PresenceSection {
  readonly events: readonly PresenceEvent[]
  /** How far the answer has got with presence. */
  readonly upTo: number
}

/** What is new about the people around; read before the snapshot, as it is kept in no database. */
export async function presenceSection(
  { presence }: Pick<SyncPorts, 'presence'>,
  { requester, filter }: SyncRequest,
  since: StreamToken | undefined,
): Promise<PresenceSection> {
  const upTo = presence.counter()
  if (!wantsPresence(filter.presence)) return { events: [], upTo }
  // A token without a number is from before presence was told, as one is that knows nothing.
  const events = await presence.list(requester.userId, since === undefined ? undefined : (since.presence ?? 0))
  return { events: events.filter((event) => matchesFilter(filter.presence, event)), upTo }
}

function wantsPresence(filter: EventFilter | undefined): boolean {
  if (filter === undefined) return true
  const { types, not_types } = filter
  return matchesFilter(
    { ...(types && { types }), ...(not_types && { not_types }) },
    { type: 'm.presence', content: {} },
  )
}

/** What of it a client is sent: not of people whom its user ignores. */
export function visiblePresence(
  { events }: PresenceSection,
  { filter }: SyncRequest,
  ignored: ReadonlySet<string>,
): PresenceEvent[] {
  return events.filter(({ sender }) => !ignored.has(sender)).slice(0, filter.presence?.limit)
}
