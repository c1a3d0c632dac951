import type { Reader } from '../../db/database.ts'
import type { UserId } from '../../matrix/ids.ts'
import { createYielder } from '../../util/async.ts'
import type { EventCache } from '../event-cache.ts'
import { readRelation } from '../store-relations.ts'
import type { Room, StoredEvent } from '../types.ts'
import type { Visibility } from '../visibility.ts'
import { listEdits, listNewestChildren, type Summary } from './store-summaries.ts'

/** For whom children are picked. */
export interface Viewer {
  readonly userId: UserId
  readonly ignored: ReadonlySet<string>
  /** Whether the user is known to be in the room now. */
  readonly isIn: boolean
}

/** What an event may be bundled with, before anybody looked whether the user may see it. Numbers of events, newest first. */
export interface Candidates {
  readonly parent: StoredEvent
  edits: readonly number[]
  references: readonly number[]
  thread: { readonly replies: number; readonly newest: number } | undefined
}

const maxEdits = 20
const maxReferencesOfPage = 2000
const end = Number.MAX_SAFE_INTEGER

/** How many references are bundled with each of `parents` events of a page; whoever wants all asks for the relations. */
export function referencesOfEach(parents: number): number {
  return Math.min(Math.max(Math.floor(maxReferencesOfPage / Math.max(parents, 1)), 5), 200)
}

/** Reads what the summaries of some events announce: a few small queries for each of those that has children. */
export async function collectCandidates(
  reader: Reader,
  room: Room,
  parents: ReadonlyMap<string, StoredEvent>,
  summaries: readonly Summary[],
  ignored: ReadonlySet<string>,
): Promise<Candidates[]> {
  const found = new Map<string, Candidates>()
  const pause = createYielder()
  const maxReferences = referencesOfEach(summaries.filter(({ rel_type: type }) => type === 'm.reference').length)
  for (const { parent_id: id, rel_type: type, replies } of summaries) {
    const parent = parents.get(id)
    if (parent === undefined) continue
    const entry = found.get(id) ?? { parent, edits: [], references: [], thread: undefined }
    found.set(id, entry)
    const { sender } = parent.pdu
    const children = (limit: number) =>
      listNewestChildren(reader, { roomNid: room.nid, parentId: id, relType: type, before: end, limit })
    if (type === 'm.replace') {
      const isEditable = parent.redactedBy === undefined && !ignored.has(sender)
      if (isEditable)
        entry.edits = await listEdits(reader, { roomNid: room.nid, parentId: id, sender, limit: maxEdits })
    } else if (type === 'm.reference') {
      const references = await children(maxReferences)
      entry.references = references.filter((child) => !ignored.has(child.sender)).map((child) => child.event_nid)
    } else if (readRelation(parent.pdu) === undefined) {
      const [newest] = await children(1)
      if (newest !== undefined) entry.thread = { replies, newest: newest.event_nid }
    }
    await pause()
  }
  return [...found.values()]
}

/** Those of the candidates that the user may see, by number. */
export async function visibleCandidates(
  { events, visibility }: { readonly events: EventCache; readonly visibility: Visibility },
  reader: Reader,
  room: Room,
  candidates: readonly Candidates[],
  viewer: Viewer,
): Promise<ReadonlyMap<number, StoredEvent>> {
  const nids = new Set<number>()
  for (const { edits, references, thread } of candidates) {
    for (const nid of [...edits, ...references]) nids.add(nid)
    if (thread !== undefined) nids.add(thread.newest)
  }
  const found = [...(await events.list(reader, [...nids])).values()]
  const visible = await visibility.filter(reader, room, viewer.userId, found, viewer.isIn)
  return new Map(visible.map((event) => [event.nid, event]))
}
