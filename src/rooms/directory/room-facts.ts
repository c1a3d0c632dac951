import type { Reader } from '../../db/database.ts'
import {
  canonicalAliasOf,
  isFederated,
  replacementRoomOf,
  roomAvatarOf,
  roomNameOf,
  roomTypeOf,
  stringOf,
  topicOf,
} from '../../matrix/content.ts'
import type { RoomId } from '../../matrix/ids.ts'
import type { RoomView } from '../room-view.ts'
import type { Room } from '../types.ts'
import type { RoomCounts } from './store-room-list.ts'

/** What rooms are sorted and searched by. */
export interface ListedRoom extends RoomCounts {
  readonly roomId: RoomId
  readonly name: string | undefined
  readonly canonicalAlias: string | undefined
}

/** What administrators see of a room. */
export interface RoomFacts extends ListedRoom {
  readonly isPublic: boolean
  readonly creator: string | undefined
  readonly isFederated: boolean
  readonly topic: string | undefined
  readonly avatar: string | undefined
  readonly type: string | undefined
  readonly encryption: string | undefined
  readonly joinRule: string | undefined
  readonly guestAccess: string | undefined
  readonly historyVisibility: string | undefined
  readonly replacement: string | undefined
}

const entryOf = (view: RoomView, reader: Reader, room: Room) => async (type: string) =>
  (await view.entry(reader, room.stateNid, type, ''))?.pdu

export async function readListed(view: RoomView, reader: Reader, room: Room, counts: RoomCounts): Promise<ListedRoom> {
  const entry = entryOf(view, reader, room)
  return {
    ...counts,
    roomId: room.roomId,
    name: roomNameOf(await entry('m.room.name')),
    canonicalAlias: canonicalAliasOf(await entry('m.room.canonical_alias')),
  }
}

export async function readFacts(view: RoomView, reader: Reader, room: Room, counts: RoomCounts): Promise<RoomFacts> {
  const entry = entryOf(view, reader, room)
  const create = await entry('m.room.create')
  return {
    ...(await readListed(view, reader, room, counts)),
    isPublic: room.isPublic,
    creator: create?.sender,
    isFederated: isFederated(create),
    topic: topicOf(await entry('m.room.topic')),
    avatar: roomAvatarOf(await entry('m.room.avatar')),
    type: roomTypeOf(create),
    encryption: stringOf(await entry('m.room.encryption'), 'algorithm'),
    joinRule: stringOf(await entry('m.room.join_rules'), 'join_rule'),
    guestAccess: stringOf(await entry('m.room.guest_access'), 'guest_access'),
    historyVisibility: stringOf(await entry('m.room.history_visibility'), 'history_visibility'),
    replacement: replacementRoomOf(await entry('m.room.tombstone')),
  }
}
