/** Which state events authorise an event: https://spec.matrix.org/v1.19/server-server-api/#auth-events-selection */
import { isJsonObject, ownValue } from './auth-state.ts'
import { type AuthVerdict, allowed, refused } from './auth-verdict.ts'
import type { IdentifiedPdu, Json, Pdu } from './event.ts'
import { authEventIds, createEventIdOf } from './event-references.ts'
import type { EventId } from './ids.ts'
import type { RoomVersionRules } from './room-versions.ts'

export interface AuthEvent extends IdentifiedPdu {
  /** Whether this event was rejected itself. */
  readonly rejected: boolean
}

/** The parts of an event on which its selection of auth events depends, so that drafts can be asked about too. */
export type AuthKeySubject = Pick<Pdu, 'type' | 'sender' | 'content' | 'state_key'>

/** The keys `[type, state key]` of the state that an event has to cite in `auth_events`, where the room has them. */
export function authEventKeys(event: AuthKeySubject, rules: RoomVersionRules): [string, string][] {
  return selectKeys(event, rules, !rules.roomIdIsCreateHash)
}

/** The keys of all state that the authorisation rules may look at: version 12 looks at the create event without citing it. */
export function authStateKeys(event: AuthKeySubject, rules: RoomVersionRules): [string, string][] {
  return selectKeys(event, rules, true)
}

function selectKeys(event: AuthKeySubject, rules: RoomVersionRules, withCreate: boolean): [string, string][] {
  if (event.type === 'm.room.create') return []
  const keys: [string, string][] = withCreate ? [['m.room.create', '']] : []
  keys.push(['m.room.power_levels', ''], ['m.room.member', event.sender])
  if (event.type === 'm.room.member') keys.push(...memberKeys(event, rules))
  return keys
}

function memberKeys(event: AuthKeySubject, rules: RoomVersionRules): [string, string][] {
  const keys: [string, string][] = []
  const { membership, third_party_invite: invite, join_authorised_via_users_server: authoriser } = event.content
  const addMember = (userId: Json | undefined): void => {
    const known = userId === event.sender || keys.some(([type, key]) => type === 'm.room.member' && key === userId)
    if (typeof userId === 'string' && !known) keys.push(['m.room.member', userId])
  }
  addMember(event.state_key)
  if (membership === 'join' || membership === 'invite' || membership === 'knock') keys.push(['m.room.join_rules', ''])
  if (membership === 'invite' && isJsonObject(invite)) {
    const token = ownValue(invite.signed, 'token')
    if (typeof token === 'string') keys.push(['m.room.third_party_invite', token])
  }
  if (rules.restrictedJoin) addMember(authoriser)
  return keys
}

/**
 * Whether an event cites the right events in `auth_events` (rules 2 and 3 of the room versions). `authEvents` are the
 * cited events, all of them; `create` is the room's create event, needed from version 12 on, where nobody cites it.
 */
export function checkAuthEventsSelection(
  rules: RoomVersionRules,
  pdu: Pdu,
  authEvents: readonly AuthEvent[],
  create?: { readonly eventId: EventId; readonly rejected: boolean },
): AuthVerdict {
  if (pdu.type === 'm.room.create') return allowed
  if (rules.roomIdIsCreateHash) {
    const named = pdu.room_id !== undefined && create?.eventId === createEventIdOf(pdu.room_id)
    if (!named || create?.rejected) return refused('The room id does not name an accepted create event')
  }
  const expected = new Set(authEventKeys(pdu, rules).map(([type, key]) => JSON.stringify([type, key])))
  const ids = authEventIds(pdu)
  if (new Set(ids).size < ids.length) return refused('auth_events names an event twice')
  const seen = new Set<string>()
  for (const cited of authEvents) {
    const key = JSON.stringify([cited.pdu.type, cited.pdu.state_key])
    if (seen.has(key)) return refused(`auth_events has two entries for ${key}`)
    seen.add(key)
    if (!expected.has(key)) return refused(`auth_events has an entry that does not belong there: ${key}`)
    if (cited.rejected) return refused(`auth_events has an event that was rejected: ${cited.eventId}`)
    if (cited.pdu.room_id !== pdu.room_id) return refused(`auth_events has an event of another room: ${cited.eventId}`)
  }
  if (!rules.roomIdIsCreateHash && !seen.has('["m.room.create",""]')) return refused('auth_events has no create event')
  return allowed
}
