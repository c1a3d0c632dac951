import type { Reader } from '../../db/database.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { RoomFacts } from '../../rooms/reads.ts'
import type { Personal, PersonalReads } from './personal.ts'
import type { FactReads } from './room-facts.ts'
import type { ListFilters } from './types.ts'
import type { ListedRoom, UserRooms } from './user-rooms.ts'

/** What the filters of a request look at, read as far as they need it. */
export interface FilterSources {
  readonly userId: UserId
  readonly rooms: UserRooms
  readonly personal: Personal
  readonly facts: FactReads
  readonly tags: PersonalReads['tags']
}

type Condition = (room: ListedRoom) => boolean

/** Those of the rooms that the filters let through, in the same order. */
export async function filterRooms(
  reader: Reader,
  sources: FilterSources,
  filters: ListFilters,
  rooms: readonly ListedRoom[],
): Promise<readonly ListedRoom[]> {
  const conditions = [
    ...personalConditions(sources, filters),
    ...(await spaceConditions(reader, sources, filters)),
    ...(await tagConditions(reader, sources, filters)),
  ]
  const kept = conditions.length === 0 ? rooms : rooms.filter((room) => conditions.every((holds) => holds(room)))
  const wanted = factConditions(filters)
  if (wanted.length === 0) return kept
  const facts = await sources.facts.of(reader, sources.userId, kept)
  return kept.filter(({ nid }) => {
    const known = facts.get(nid)
    return known !== undefined && wanted.every((holds) => holds(known))
  })
}

function personalConditions({ personal }: FilterSources, { isDm, isInvite }: ListFilters): Condition[] {
  const conditions: Condition[] = []
  if (isDm !== undefined) conditions.push(({ roomId }) => personal.dms.has(roomId) === isDm)
  if (isInvite !== undefined) conditions.push(({ membership }) => (membership === 'invite') === isInvite)
  return conditions
}

async function spaceConditions(
  reader: Reader,
  { rooms, facts }: FilterSources,
  { spaces }: ListFilters,
): Promise<Condition[]> {
  if (spaces === undefined) return []
  const asked = new Set(spaces)
  const children = new Set<string>()
  for (const room of rooms.listed) {
    if (room.membership !== 'join' || !asked.has(room.roomId)) continue
    for (const roomId of await facts.childrenOf(reader, room)) children.add(roomId)
  }
  return [({ roomId }) => children.has(roomId)]
}

async function tagConditions(
  reader: Reader,
  { userId, personal, tags }: FilterSources,
  { tags: some, notTags: none }: ListFilters,
): Promise<Condition[]> {
  if (some === undefined && none === undefined) return []
  const byRoom = await tags(reader, userId, personal.revision)
  const hasOneOf = (roomId: string, names: readonly string[]) => names.some((name) => byRoom.get(roomId)?.has(name))
  const conditions: Condition[] = []
  if (some !== undefined) conditions.push(({ roomId }) => hasOneOf(roomId, some))
  if (none !== undefined) conditions.push(({ roomId }) => !hasOneOf(roomId, none))
  return conditions
}

function factConditions(filters: ListFilters): ((facts: RoomFacts) => boolean)[] {
  const { isEncrypted, roomTypes, notRoomTypes, roomNameLike } = filters
  const conditions: ((facts: RoomFacts) => boolean)[] = []
  if (isEncrypted !== undefined) conditions.push((facts) => facts.isEncrypted === isEncrypted)
  if (roomTypes !== undefined) conditions.push(({ type }) => roomTypes.includes(type ?? null))
  if (notRoomTypes !== undefined) conditions.push(({ type }) => !notRoomTypes.includes(type ?? null))
  if (roomNameLike !== undefined) {
    const part = roomNameLike.toLowerCase()
    conditions.push(({ name }) => name?.toLowerCase().includes(part) === true)
  }
  return conditions
}
