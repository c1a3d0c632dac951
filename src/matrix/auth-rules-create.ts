import { type AuthVerdict, allowed, refused } from './auth-verdict.ts'
import type { Json, Pdu } from './event.ts'
import { domainOf, isUserId, serverOf } from './ids.ts'
import { getRoomVersionRules, type RoomVersionRules } from './room-versions.ts'

/** Rule 1: whether a room may begin with this event. */
export function checkCreate(rules: RoomVersionRules, pdu: Pdu): AuthVerdict {
  if (pdu.prev_events.length > 0) return refused('A create event follows no other event')
  if (rules.roomIdIsCreateHash) {
    if (pdu.room_id !== undefined) return refused('A create event of this room version has no room id')
  } else if (pdu.room_id === undefined || domainOf(pdu.room_id) !== serverOf(pdu.sender)) {
    return refused("A room id carries the creator's server name")
  }
  const { room_version: version, creator, additional_creators: additional } = pdu.content
  if (version !== undefined && (typeof version !== 'string' || getRoomVersionRules(version) === undefined)) {
    return refused('The room version is not known')
  }
  if (rules.creatorInContent && creator === undefined) return refused('The create event names no creator')
  if (rules.roomIdIsCreateHash && additional !== undefined && !areUserIds(additional)) {
    return refused('additional_creators is a list of user ids')
  }
  return allowed
}

function areUserIds(value: Json): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === 'string' && isUserId(one))
}
