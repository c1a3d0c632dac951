/** The authorisation rules of every room version: https://spec.matrix.org/v1.19/rooms/ */
import { checkCreate } from './auth-rules-create.ts'
import { checkMember } from './auth-rules-member.ts'
import { checkPowerLevels } from './auth-rules-power-levels.ts'
import { type AuthState, membershipIn } from './auth-state.ts'
import { type AuthVerdict, allowed, refused } from './auth-verdict.ts'
import type { Pdu } from './event.ts'
import { domainOf, serverOf } from './ids.ts'
import { actionPower, powerOf, requiredPower } from './power-levels.ts'
import type { RoomVersionRules } from './room-versions.ts'

export { type AuthEvent, authEventKeys, authStateKeys, checkAuthEventsSelection } from './auth-events.ts'
export type { AuthState } from './auth-state.ts'
export type { AuthVerdict } from './auth-verdict.ts'

/**
 * Whether an event may happen in a room with this state. Answers for any content, however odd. The signatures that an
 * event needs (see `requiredSigners`) and its choice of auth events (see `checkAuthEventsSelection`) are checked apart.
 */
export function checkAuth(rules: RoomVersionRules, pdu: Pdu, state: AuthState): AuthVerdict {
  if (pdu.type === 'm.room.create') return checkCreate(rules, pdu)
  const create = state('m.room.create', '')
  if (create === undefined) return refused('The room has no create event')
  if (create.content['m.federate'] === false && serverOf(pdu.sender) !== serverOf(create.sender)) {
    return refused('The room is for users of one server only')
  }
  if (rules.aliasesAuth && pdu.type === 'm.room.aliases') {
    return pdu.state_key === serverOf(pdu.sender) ? allowed : refused('Servers write their own aliases only')
  }
  if (pdu.type === 'm.room.member') return checkMember(rules, pdu, state, create)
  if (membershipIn(state, pdu.sender) !== 'join') return refused('The sender is not in the room')
  return checkPower(rules, pdu, state)
}

function checkPower(rules: RoomVersionRules, pdu: Pdu, state: AuthState): AuthVerdict {
  const power = powerOf(state, rules, pdu.sender)
  if (pdu.type === 'm.room.third_party_invite') {
    return power >= actionPower(state, rules, 'invite') ? allowed : refused('The sender may not invite')
  }
  const required = requiredPower(state, rules, pdu.type, pdu.state_key !== undefined)
  if (required > power) return refused(`Sending ${pdu.type} takes power level ${required}; the sender has ${power}`)
  if (pdu.state_key?.startsWith('@') && pdu.state_key !== pdu.sender) {
    return refused('State that is named after a user is for that user to write')
  }
  if (pdu.type === 'm.room.power_levels') return checkPowerLevels(rules, pdu, state)
  if (rules.redactionAuth && pdu.type === 'm.room.redaction') return checkRedaction(rules, pdu, state, power)
  return allowed
}

function checkRedaction(rules: RoomVersionRules, pdu: Pdu, state: AuthState, power: number): AuthVerdict {
  if (power >= actionPower(state, rules, 'redact')) return allowed
  const { redacts, event_id: eventId } = pdu
  const own = typeof redacts === 'string' && typeof eventId === 'string' ? domainOf(eventId) : undefined
  if (own !== undefined && redacts !== undefined && domainOf(redacts) === own) return allowed
  return refused("The sender may not redact other servers' events")
}
