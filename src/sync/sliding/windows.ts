import type { Reader } from '../../db/database.ts'
import { isHiddenInvite } from '../hidden-invites.ts'
import { type FilterSources, filterRooms } from './filters.ts'
import { uniteSelectors } from './required-state.ts'
import type { ListRequest, RoomConfig } from './types.ts'
import type { ListedRoom, UserRooms } from './user-rooms.ts'

/** A room that a request wants to be told of. */
export interface WantedRoom {
  readonly room: ListedRoom
  /** The lists in whose window it is. */
  readonly lists: readonly string[]
  readonly isSubscribed: boolean
  readonly config: RoomConfig
}

export interface Windows {
  /** How many rooms each list has. */
  readonly counts: ReadonlyMap<string, number>
  /** By number; those of the first list first. */
  readonly wanted: ReadonlyMap<number, WantedRoom>
}

export interface WindowRequest {
  readonly lists: ReadonlyMap<string, ListRequest>
  /** By room id. */
  readonly subscriptions: ReadonlyMap<string, RoomConfig>
}

interface Claims {
  readonly room: ListedRoom
  readonly lists: string[]
  isSubscribed: boolean
  readonly configs: RoomConfig[]
}

/** What the lists and subscriptions of a request select. `sentGone`: rooms that the user has left while the client had them. */
export async function windowsOf(
  reader: Reader,
  sources: FilterSources,
  { lists, subscriptions }: WindowRequest,
  sentGone: readonly ListedRoom[],
): Promise<Windows> {
  const rooms = candidates(sources, sentGone)
  const claims = new Map<number, Claims>()
  const claim = (room: ListedRoom, config: RoomConfig): Claims => {
    const found = claims.get(room.nid) ?? { room, lists: [], isSubscribed: false, configs: [] }
    found.configs.push(config)
    claims.set(room.nid, found)
    return found
  }
  const counts = new Map<string, number>()
  for (const [name, list] of lists) {
    const filtered = await filterRooms(reader, sources, list.filters, rooms)
    counts.set(name, filtered.length)
    for (const room of within(filtered, list.ranges)) claim(room, list).lists.push(name)
  }
  if (subscriptions.size > 0) {
    for (const room of rooms) {
      const config = subscriptions.get(room.roomId)
      if (config !== undefined) claim(room, config).isSubscribed = true
    }
  }
  const unite = configUniter()
  const wanted = new Map<number, WantedRoom>()
  for (const [nid, { configs, ...claimed }] of claims) wanted.set(nid, { ...claimed, config: unite(configs) })
  return { counts, wanted }
}

/** Everything that may stand in a list, the latest first; invitations that the user does not want to hear of do not. */
function candidates({ rooms, personal }: FilterSources, sentGone: readonly ListedRoom[]): readonly ListedRoom[] {
  const isHidden = (room: ListedRoom) => room.membership === 'invite' && isHiddenInvite(personal.invites, room)
  const listed = rooms.listed.some(isHidden) ? rooms.listed.filter((room) => !isHidden(room)) : rooms.listed
  return sentGone.length === 0 ? listed : [...listed, ...sentGone].sort((a, b) => b.lastPos - a.lastPos)
}

/** The rooms in any of the ranges, each once. */
function within(rooms: readonly ListedRoom[], ranges: ListRequest['ranges']): Iterable<ListedRoom> {
  if (ranges === undefined) return rooms
  const found = new Set<ListedRoom>()
  for (const [first, last] of ranges) for (const room of rooms.slice(first, last + 1)) found.add(room)
  return found
}

/** Makes of several configurations one that shows all that any of them shows. */
function configUniter(): (configs: readonly RoomConfig[]) => RoomConfig {
  const made = new Map<string, RoomConfig>()
  return (configs) => {
    const [first, ...others] = configs
    if (first === undefined) throw new Error('a room that nothing asks for')
    if (others.length === 0) return first
    const name = configs.map(({ timelineLimit, state }) => `${timelineLimit} ${state.digest}`).join('\n')
    const known = made.get(name)
    if (known !== undefined) return known
    const united = {
      timelineLimit: Math.max(...configs.map(({ timelineLimit }) => timelineLimit)),
      state: uniteSelectors(configs.map(({ state }) => state)),
    }
    made.set(name, united)
    return united
  }
}

/** Rooms that the user has left, as far as the client was told of them. */
export const goneButSent = ({ gone }: UserRooms, wasSent: (nid: number) => boolean): readonly ListedRoom[] =>
  gone.filter(({ nid }) => wasSent(nid))
