import type { Reader } from '../../db/database.ts'
import type { UserId } from '../../matrix/ids.ts'
import { displayNameOf } from '../../matrix/member-content.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import { summarise } from '../../rooms/summary.ts'
import type { Room } from '../../rooms/types.ts'
import { oneLine } from '../../util/one-line.ts'

const longestName = 60
const shownPeople = 3

/**
 * What a member calls a room that has no name: the others in it.
 * https://spec.matrix.org/v1.19/client-server-api/#calculating-the-display-name-for-a-room
 */
export async function nameByPeople(reads: RoomReads, reader: Reader, room: Room, userId: UserId): Promise<string> {
  const { joined, invited, heroes = [] } = await summarise(reads, reader, room, userId)
  const events = await reads.events(
    reader,
    heroes.map((hero) => hero.event_nid),
  )
  const names = heroes
    .slice(0, shownPeople)
    .map((hero) => oneLine(displayNameOf(events.get(hero.event_nid)?.pdu) ?? hero.user_id, longestName))
  const others = joined + invited - 1
  if (others < 1) return names.length === 0 ? 'Empty room' : `Empty room (was ${listed(names)})`
  const more = others - names.length
  return listed(more > 0 ? [...names, `${more} ${more === 1 ? 'other' : 'others'}`] : names)
}

function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? ''
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`
}
