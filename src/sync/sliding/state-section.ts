import type { Reader } from '../../db/database.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import type { Room, StoredEvent } from '../../rooms/types.ts'
import type { SentMembers } from '../lazy-members.ts'
import type { StateSelector } from './required-state.ts'

export interface StateSection {
  readonly events: StoredEvent[]
  /** State that there is no more. */
  readonly removed: { type: string; state_key: string }[]
  /** Everything that differs from what the client has, wanted or not. */
  readonly changed: readonly { readonly type: string; readonly stateKey: string }[]
}

export interface StateInput {
  readonly room: Room
  readonly userId: UserId
  /** The state that the client has; undefined: none. */
  readonly known: number | undefined
  /** The state that it must end up with. */
  readonly end: number | undefined
  readonly selector: StateSelector
  /** What the client wanted before; undefined where that is not known. */
  readonly before: StateSelector | undefined
  readonly timeline: readonly StoredEvent[]
  /** Whether the timeline has all that has happened since. */
  readonly isComplete: boolean
  /** Whose members the device has been sent, under which name, in `(acknowledged, to]` and before. */
  readonly members: { readonly sent: SentMembers; readonly name: string; readonly acknowledged: number | undefined }
  readonly to: number
}

/** The state events of a room that a client wants and does not have, as of the end of the timeline. */
export async function stateSection(reads: RoomReads, reader: Reader, input: StateInput): Promise<StateSection> {
  const { known, end, selector, before } = input
  if (known === undefined) {
    const events = await currentState(reads, reader, input)
    return { events: await withMembers(reads, reader, input, events), removed: [], changed: [] }
  }
  const differences = end === undefined ? [] : await reads.recent.stateChanges(reader, known, end)
  const keys = await reads.stateKeys(
    reader,
    differences.map(([key]) => key),
  )
  const events = new Map<number, StoredEvent>()
  const removed: StateSection['removed'] = []
  const changed: { type: string; stateKey: string }[] = []
  const wanted: number[] = []
  for (const [keyNid, eventNid] of differences) {
    const key = keys.get(keyNid)
    if (key === undefined) continue
    changed.push(key)
    const isMember = selector.lazyMembers && input.isComplete && key.type === 'm.room.member'
    if (!isMember && !selector.matches(key.type, key.stateKey)) continue
    if (eventNid === 0) removed.push({ type: key.type, state_key: key.stateKey })
    else wanted.push(eventNid)
  }
  for (const [nid, event] of await reads.events(reader, wanted)) events.set(nid, event)
  if (before?.digest !== selector.digest) {
    for (const event of await currentState(reads, reader, input)) {
      if (before?.matches(event.pdu.type, event.pdu.state_key ?? '') !== true) events.set(event.nid, event)
    }
  }
  return { events: await withMembers(reads, reader, input, [...events.values()]), removed, changed }
}

/** All that matches of the state at the end. */
async function currentState(
  reads: RoomReads,
  reader: Reader,
  { room, end, selector }: StateInput,
): Promise<StoredEvent[]> {
  if (end === undefined) return []
  const { reach } = selector
  if (reach === undefined) {
    const all = await reads.view.all(reader, end)
    return all.filter(({ pdu }) => selector.matches(pdu.type, pdu.state_key ?? ''))
  }
  const events: StoredEvent[] = []
  for (const [type, stateKey] of reach.entries) {
    if (!selector.matches(type, stateKey)) continue
    const event = await reads.view.entry(reader, end, type, stateKey)
    if (event !== undefined) events.push(event)
  }
  for (const type of reach.types) events.push(...(await allOfType(reads, reader, room, end, type)))
  return events.filter(({ pdu }) => selector.matches(pdu.type, pdu.state_key ?? ''))
}

async function allOfType(
  reads: RoomReads,
  reader: Reader,
  room: Room,
  end: number,
  type: string,
): Promise<StoredEvent[]> {
  if (end !== room.stateNid) return (await reads.view.all(reader, end)).filter(({ pdu }) => pdu.type === type)
  const rows = await reads.currentOfType(reader, room.nid, type)
  return [
    ...(
      await reads.events(
        reader,
        rows.map((row) => row.event_nid),
      )
    ).values(),
  ]
}

/** The events in stream order, and with lazy loading the members of whom the timeline speaks and whom the client lacks. */
async function withMembers(
  reads: RoomReads,
  reader: Reader,
  { room, known, end, selector, timeline, members, to }: StateInput,
  events: readonly StoredEvent[],
): Promise<StoredEvent[]> {
  const sorted = (all: readonly StoredEvent[]) => [...all].sort((a, b) => (a.streamPos ?? 0) - (b.streamPos ?? 0))
  if (!selector.lazyMembers) return sorted(events)
  const { sent, name, acknowledged: since } = members
  if (known === undefined) sent.forget(name, room.nid)
  const people = new Set<string>()
  for (const { pdu } of timeline) {
    people.add(pdu.sender)
    if (pdu.type === 'm.room.member' && pdu.state_key !== undefined) people.add(pdu.state_key)
  }
  const has = new Set(events.map(({ nid }) => nid))
  const needed: number[] = []
  for (const userId of people) {
    const member = await reads.view.entry(reader, end, 'm.room.member', userId)
    if (member !== undefined && !has.has(member.nid)) needed.push(member.nid)
  }
  const lacking = sent.unsent(name, room.nid, needed, { since, to })
  const others = events.filter(({ pdu }) => pdu.type === 'm.room.member').map(({ nid }) => nid)
  sent.unsent(name, room.nid, others, { since, to })
  return sorted([...events, ...(await reads.events(reader, lacking)).values()])
}
