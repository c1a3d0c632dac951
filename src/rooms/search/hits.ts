import type { Reader } from '../../db/database.ts'
import { createYielder } from '../../util/async.ts'
import { filterEvents } from '../filter-events.ts'
import type { RoomReads } from '../reads.ts'
import type { StoredEvent } from '../types.ts'
import { type Match, matchText, type Phrase } from './phrases.ts'
import type { GroupScope, SearchQuery } from './search-query.ts'
import type { SearchableRoom, SearchableRooms } from './searchable-rooms.ts'
import { editedTextOf, textOf } from './text-of.ts'
import { editedBy, listVersions } from './versions.ts'

/** An event that was found, as the user may see it. */
export interface Hit extends Match {
  readonly event: StoredEvent
  readonly pos: number
  readonly in: SearchableRoom
}

export interface Search {
  readonly query: SearchQuery
  readonly scope: GroupScope | undefined
  readonly phrases: readonly Phrase[]
  readonly rooms: SearchableRooms
  readonly ignored: ReadonlySet<string>
}

/** Those of the events that the index named which the user asked for and may see, in no order. */
export async function judge(
  reads: Pick<RoomReads, 'visibility' | 'erasures'>,
  reader: Reader,
  search: Search,
  events: readonly StoredEvent[],
): Promise<Hit[]> {
  const byRoom = new Map<number, { room: SearchableRoom; events: StoredEvent[] }>()
  const wanted = events.filter((event) => isWanted(search, event))
  for (const event of await filterEvents(reader, search.query.filter, wanted)) {
    const room = byRoom.get(event.roomNid)?.room ?? (await search.rooms.get(event.roomNid))
    if (room === undefined || (event.streamPos ?? 0) > room.upTo || !isInScope(search.scope, room, event)) continue
    const group = byRoom.get(event.roomNid) ?? { room, events: [] }
    group.events.push(event)
    byRoom.set(event.roomNid, group)
  }
  const hits: Hit[] = []
  const pause = createYielder()
  for (const { room, events: found } of byRoom.values()) {
    const visible = await seenIn(reads, reader, search, room, found)
    const versions = await listVersions(reader, visible)
    const edits = new Set(await seenIn(reads, reader, search, room, [...versions.values()].flat()))
    for (const event of visible) {
      await pause()
      const edit = versions.get(event.eventId)?.find((one) => edits.has(one))
      // What counts is the text that the user sees, not what it once was.
      const text = (edit && editedTextOf(edit.pdu)) ?? textOf(event.pdu)?.text ?? ''
      const match = matchText(text, search.phrases)
      if (match !== undefined) hits.push({ ...match, event, pos: event.streamPos ?? 0, in: room })
    }
  }
  return hits
}

function isWanted({ query, ignored }: Search, event: StoredEvent): boolean {
  const { pdu } = event
  const kind = event.status === 0 ? textOf(pdu)?.kind : undefined
  if (kind === undefined || !query.kinds.includes(kind) || editedBy(event) !== undefined) return false
  return pdu.state_key !== undefined || !ignored.has(pdu.sender)
}

function isInScope(scope: GroupScope | undefined, { room }: SearchableRoom, { pdu }: StoredEvent): boolean {
  return scope === undefined || scope.value === (scope.key === 'sender' ? pdu.sender : room.roomId)
}

async function seenIn(
  reads: Pick<RoomReads, 'visibility' | 'erasures'>,
  reader: Reader,
  { query }: Search,
  { room, upTo, isIn, isOpen }: SearchableRoom,
  events: readonly StoredEvent[],
): Promise<readonly StoredEvent[]> {
  const reachable = events.filter(({ streamPos }) => streamPos !== undefined && streamPos <= upTo)
  const visible = isOpen ? reachable : await reads.visibility.filter(reader, room, query.userId, reachable, isIn)
  const hidden = await reads.erasures.hidden(reader, room, query.userId, visible)
  return visible.filter(({ nid }) => !hidden.has(nid))
}
