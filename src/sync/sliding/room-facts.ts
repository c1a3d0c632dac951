import type { Reader } from '../../db/database.ts'
import { roomNameOf, roomTypeOf, stringsOf } from '../../matrix/content.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { RoomFacts, RoomReads } from '../../rooms/reads.ts'
import { LruMap } from '../../util/lru.ts'
import type { ListedRoom } from './user-rooms.ts'

/** What lists are filtered by, as far as the user may know it. */
export interface FactReads {
  /** By the number of the room. */
  of(reader: Reader, userId: UserId, rooms: readonly ListedRoom[]): Promise<ReadonlyMap<number, RoomFacts>>
  /** Ids of the rooms that a space names as its children. */
  childrenOf(reader: Reader, space: ListedRoom): Promise<ReadonlySet<string>>
}

type Event = { readonly content: JsonObject } | undefined
type Entry = (type: string) => Promise<Event> | Event

const nothing: RoomFacts = { isEncrypted: false, type: undefined, name: undefined }

export function createFactReads(
  reads: Pick<RoomReads, 'facts' | 'membership' | 'view' | 'lastStay' | 'currentOfType' | 'events'>,
): FactReads {
  const known = new LruMap<string, RoomFacts>(300_000)
  const children = new LruMap<number, ReadonlySet<string>>(200_000, (ids) => ids.size + 1)

  /** Of a room that the user is not in: what came with an invitation, or what held when the user was in. */
  async function otherFacts(reader: Reader, userId: UserId, room: ListedRoom): Promise<RoomFacts> {
    const row = await reads.membership(reader, room.nid, userId)
    if (row === undefined) return nothing
    if (row.stripped_state !== null) {
      const events = JSON.parse(row.stripped_state) as JsonObject[]
      return factsFrom((type) => asEvent(events.find((event) => event.type === type)))
    }
    const isPending = row.membership === 'invite' || row.membership === 'knock'
    const stateNid = isPending ? room.stateNid : (await reads.lastStay(reader, room.nid, userId))?.ended?.stateNid
    return factsFrom(async (type) => (await reads.view.entry(reader, stateNid, type, ''))?.pdu)
  }

  return {
    of: async (reader, userId, rooms) => {
      const facts = new Map<number, RoomFacts>()
      const missing: ListedRoom[] = []
      for (const room of rooms) {
        const cached = known.get(nameOf(userId, room))
        if (cached !== undefined) facts.set(room.nid, cached)
        else if (room.membership === 'join') missing.push(room)
        else facts.set(room.nid, await otherFacts(reader, userId, room))
      }
      const found = await reads.facts(
        reader,
        missing.map(({ nid }) => nid),
      )
      for (const room of missing) facts.set(room.nid, found.get(room.nid) ?? nothing)
      for (const room of rooms) known.set(nameOf(userId, room), facts.get(room.nid) ?? nothing)
      return facts
    },
    childrenOf: async (reader, { nid, stateNid }) => {
      const cached = stateNid === undefined ? undefined : children.get(stateNid)
      if (cached !== undefined) return cached
      const entries = await reads.currentOfType(reader, nid, 'm.space.child')
      const events = await reads.events(
        reader,
        entries.map((entry) => entry.event_nid),
      )
      const ids = new Set<string>()
      for (const { pdu } of events.values()) if (stringsOf(pdu, 'via').length > 0) ids.add(pdu.state_key ?? '')
      if (stateNid !== undefined) children.set(stateNid, ids)
      return ids
    },
  }
}

/** Facts of rooms that the user is in depend on the state alone; others keep those of their membership. */
const nameOf = (userId: UserId, { nid, membership, memberPos, stateNid }: ListedRoom): string =>
  membership === 'join' ? `${stateNid}` : `${nid} ${memberPos} ${userId}`

async function factsFrom(entry: Entry): Promise<RoomFacts> {
  return {
    isEncrypted: (await entry('m.room.encryption')) !== undefined,
    type: roomTypeOf(await entry('m.room.create')),
    name: roomNameOf(await entry('m.room.name')),
  }
}

function asEvent(event: JsonObject | undefined): Event {
  const content = event?.content
  if (event === undefined) return undefined
  return { content: typeof content === 'object' && content !== null && !Array.isArray(content) ? content : {} }
}
