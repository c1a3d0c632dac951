import type { Reader } from '../../db/database.ts'
import {
  canonicalAliasOf,
  guestsMayJoin,
  historyVisibilityOf,
  joinRuleOf,
  roomAvatarOf,
  roomNameOf,
  roomTypeOf,
  topicOf,
} from '../../matrix/content.ts'
import type { RoomAlias, RoomId } from '../../matrix/ids.ts'
import type { RoomView } from '../room-view.ts'
import type { Room } from '../types.ts'

/** What the outside is told about a room: the `PublishedRoomsChunk` of the specification. */
export interface RoomCard {
  room_id: RoomId
  num_joined_members: number
  world_readable: boolean
  guest_can_join: boolean
  join_rule?: string
  name?: string
  topic?: string
  canonical_alias?: RoomAlias
  avatar_url?: string
  room_type?: string
}

export async function roomCard(
  reader: Reader,
  view: RoomView,
  room: Pick<Room, 'roomId' | 'stateNid'>,
  joined: number,
): Promise<RoomCard> {
  const content = async (type: string) => (await view.entry(reader, room.stateNid, type, ''))?.pdu
  const name = roomNameOf(await content('m.room.name'))
  const topic = topicOf(await content('m.room.topic'))
  const alias = canonicalAliasOf(await content('m.room.canonical_alias'))
  const avatar = roomAvatarOf(await content('m.room.avatar'))
  const type = roomTypeOf(await content('m.room.create'))
  const joinRule = joinRuleOf(await content('m.room.join_rules'))
  return {
    room_id: room.roomId,
    num_joined_members: joined,
    world_readable: historyVisibilityOf(await content('m.room.history_visibility')) === 'world_readable',
    guest_can_join: guestsMayJoin(await content('m.room.guest_access')),
    // Absent means public to clients, and invite to the authorisation rules.
    join_rule: joinRule ?? 'invite',
    ...(name === undefined ? {} : { name }),
    ...(topic === undefined ? {} : { topic }),
    ...(alias === undefined ? {} : { canonical_alias: alias }),
    ...(avatar === undefined ? {} : { avatar_url: avatar }),
    ...(type === undefined ? {} : { room_type: type }),
  }
}
