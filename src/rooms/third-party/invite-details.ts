import type { Database, Reader } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import type { Actor } from '../actor.ts'
import type { People } from '../people.ts'
import type { RoomView } from '../room-view.ts'
import { getRoom } from '../store-rooms.ts'

/** State that an identity server may name in its mail: event type, key of the content, name in the request. */
const shown = [
  ['m.room.canonical_alias', 'alias', 'room_alias'],
  ['m.room.avatar', 'url', 'room_avatar_url'],
  ['m.room.join_rules', 'join_rule', 'room_join_rules'],
  ['m.room.name', 'name', 'room_name'],
  ['m.room.create', 'type', 'room_type'],
] as const

/** What is said about a room and its inviter in the mail to an invited address. Throws `403` for somebody who is not in it. */
export function inviteDetails(
  { db, view, people }: { db: Database; view: RoomView; people: People },
  actor: Actor,
  roomId: string,
): Promise<JsonObject> {
  return db.read(async (reader: Reader) => {
    await people.requireActive(reader, actor.userId)
    const room = await getRoom(reader, roomId)
    const entry = async (type: string, stateKey = '') => (await view.entry(reader, room?.stateNid, type, stateKey))?.pdu
    const isMember = membershipOf(await entry('m.room.member', actor.userId)) === 'join'
    if (!room || !isMember) throw errors.forbidden('You are not in this room')
    const profile = await people.memberProfile(reader, actor.userId)
    const details: Record<string, string> = {}
    for (const [type, key, name] of shown) {
      const value = (await entry(type))?.content[key]
      if (typeof value === 'string') details[name] = value
    }
    if (typeof profile.displayname === 'string') details.sender_display_name = profile.displayname
    if (typeof profile.avatar_url === 'string') details.sender_avatar_url = profile.avatar_url
    return { ...details, room_id: room.roomId, sender: actor.userId }
  })
}
