/** Events made by hand for tests of the pure rules: no hashes, no signatures, ids as given. */
import type { AuthState } from '../../src/matrix/auth-rules.ts'
import type { JsonObject, Pdu } from '../../src/matrix/event.ts'
import type { EventId, RoomId, UserId } from '../../src/matrix/ids.ts'
import { getRoomVersionRules, type RoomVersionRules } from '../../src/matrix/room-versions.ts'

export const alice = '@alice:a.example' as UserId
export const bob = '@bob:b.example' as UserId
export const carol = '@carol:c.example' as UserId
export const createId = '$create' as EventId

export function rulesOf(version: number | string): RoomVersionRules {
  const rules = getRoomVersionRules(String(version))
  if (rules === undefined) throw new Error(`no room version ${version}`)
  return rules
}

export type PduDraft = Partial<Omit<Pdu, 'state_key'>> & { state_key?: string }

export function pdu(type: string, draft: PduDraft = {}): Pdu {
  return {
    type,
    sender: alice,
    content: {},
    origin_server_ts: 1,
    depth: 10,
    prev_events: ['$previous' as EventId],
    auth_events: [],
    room_id: '!create:a.example' as RoomId,
    ...draft,
  }
}

export function message(sender: UserId, content: JsonObject = { msgtype: 'm.text', body: 'hello' }): Pdu {
  return pdu('m.room.message', { sender, content })
}

export function member(target: string, membership: string, draft: PduDraft = {}): Pdu {
  const { content, ...rest } = draft
  return pdu('m.room.member', {
    sender: target as UserId,
    state_key: target,
    content: { membership, ...content },
    ...rest,
  })
}

export function powerLevels(content: JsonObject, sender: UserId = alice): Pdu {
  return pdu('m.room.power_levels', { sender, state_key: '', content })
}

export function joinRules(rule: string): Pdu {
  return pdu('m.room.join_rules', { state_key: '', content: { join_rule: rule } })
}

/** The create event as this room version writes it, sent by alice. */
export function createEvent(rules: RoomVersionRules, content: JsonObject = {}): Pdu {
  const created = pdu('m.room.create', {
    state_key: '',
    prev_events: [],
    content: { room_version: rules.version, ...(rules.creatorInContent ? { creator: alice } : {}), ...content },
  })
  if (rules.roomIdIsCreateHash) delete created.room_id
  return created
}

/** A state in which the later of two events with one key wins. */
export function stateOf(...events: Pdu[]): AuthState {
  return (type, stateKey) => events.findLast((event) => event.type === type && event.state_key === stateKey)
}

/** Alice's room: created and joined by her, with the given join rule and whatever else is given. */
export function roomOf(rules: RoomVersionRules, joinRule: string, ...events: Pdu[]): AuthState {
  return stateOf(createEvent(rules), member(alice, 'join'), joinRules(joinRule), ...events)
}
