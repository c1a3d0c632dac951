import { checkThirdPartyInvite } from './auth-rules-third-party-invite.ts'
import { type AuthState, creatorsOf, joinRuleIn, membershipIn } from './auth-state.ts'
import { type AuthVerdict, allowed, refused } from './auth-verdict.ts'
import type { Pdu } from './event.ts'
import { authEventIds, createEventIdOf, prevEventIds } from './event-references.ts'
import { hasUserIdShape } from './ids.ts'
import { actionPower, powerOf } from './power-levels.ts'
import type { RoomVersionRules } from './room-versions.ts'

/** The rules for `m.room.member`, by the membership that the event sets. */
export function checkMember(rules: RoomVersionRules, pdu: Pdu, state: AuthState, create: Pdu): AuthVerdict {
  const target = pdu.state_key
  if (target === undefined || !hasUserIdShape(target)) return refused('A membership belongs to a user')
  switch (pdu.content.membership) {
    case 'join':
      return isFirstJoin(rules, pdu, create) ? allowed : checkJoin(rules, pdu, state)
    case 'invite':
      return checkInvite(rules, pdu, state, target)
    case 'leave':
      return checkLeave(rules, pdu, state, target)
    case 'ban':
      return checkBan(rules, pdu, state, target)
    case 'knock':
      return rules.knock ? checkKnock(rules, pdu, state) : refused('This room version knows no knocking')
    default:
      return refused('The membership is not known')
  }
}

/**
 * Whether this is the creator's join right after the create event. Before version 12 the create event's id is not at
 * hand, but an event that follows the create event alone has nothing else to cite: one reference, the same in both lists.
 */
function isFirstJoin(rules: RoomVersionRules, pdu: Pdu, create: Pdu): boolean {
  const creator = rules.creatorInContent ? creatorsOf(create, rules)[0] : create.sender
  const [previous, ...others] = prevEventIds(pdu)
  if (pdu.state_key !== creator || previous === undefined || others.length > 0) return false
  if (rules.roomIdIsCreateHash) return pdu.room_id !== undefined && previous === createEventIdOf(pdu.room_id)
  const cited = authEventIds(pdu)
  return cited.length === 1 && cited[0] === previous
}

function checkJoin(rules: RoomVersionRules, pdu: Pdu, state: AuthState): AuthVerdict {
  if (pdu.sender !== pdu.state_key) return refused('Nobody joins for somebody else')
  const membership = membershipIn(state, pdu.sender)
  if (membership === 'ban') return refused('The user is banned')
  const isKnown = membership === 'join' || membership === 'invite'
  const rule = joinRuleIn(state)
  if (rule === 'public') return allowed
  if (rule === 'invite' || (rules.knock && rule === 'knock')) {
    return isKnown ? allowed : refused('The room is for invited users')
  }
  if (isRestricted(rules, rule)) {
    return isKnown || isAuthorised(rules, pdu, state) ? allowed : refused('Nobody who may invite has let the user in')
  }
  return refused('The join rule lets nobody in')
}

function isRestricted(rules: RoomVersionRules, rule: unknown): boolean {
  return (rules.restrictedJoin && rule === 'restricted') || (rules.knockRestricted && rule === 'knock_restricted')
}

function isAuthorised(rules: RoomVersionRules, pdu: Pdu, state: AuthState): boolean {
  const authoriser = pdu.content.join_authorised_via_users_server
  if (typeof authoriser !== 'string' || membershipIn(state, authoriser) !== 'join') return false
  return powerOf(state, rules, authoriser) >= actionPower(state, rules, 'invite')
}

function checkInvite(rules: RoomVersionRules, pdu: Pdu, state: AuthState, target: string): AuthVerdict {
  if (pdu.content.third_party_invite !== undefined) return checkThirdPartyInvite(pdu, state, target)
  if (membershipIn(state, pdu.sender) !== 'join') return refused('The sender is not in the room')
  const membership = membershipIn(state, target)
  if (membership === 'join') return refused('The user is in the room already')
  if (membership === 'ban') return refused('The user is banned')
  const mayInvite = powerOf(state, rules, pdu.sender) >= actionPower(state, rules, 'invite')
  return mayInvite ? allowed : refused('The sender may not invite')
}

function checkLeave(rules: RoomVersionRules, pdu: Pdu, state: AuthState, target: string): AuthVerdict {
  const own = membershipIn(state, pdu.sender)
  if (pdu.sender === target) {
    const mayLeave = own === 'invite' || own === 'join' || (rules.knock && own === 'knock')
    return mayLeave ? allowed : refused('The user is not in the room')
  }
  if (own !== 'join') return refused('The sender is not in the room')
  const power = powerOf(state, rules, pdu.sender)
  if (membershipIn(state, target) === 'ban' && power < actionPower(state, rules, 'ban')) {
    return refused('The sender may not lift bans')
  }
  const mayKick = power >= actionPower(state, rules, 'kick') && powerOf(state, rules, target) < power
  return mayKick ? allowed : refused('The sender may not kick this user')
}

function checkBan(rules: RoomVersionRules, pdu: Pdu, state: AuthState, target: string): AuthVerdict {
  if (membershipIn(state, pdu.sender) !== 'join') return refused('The sender is not in the room')
  const power = powerOf(state, rules, pdu.sender)
  const mayBan = power >= actionPower(state, rules, 'ban') && powerOf(state, rules, target) < power
  return mayBan ? allowed : refused('The sender may not ban this user')
}

function checkKnock(rules: RoomVersionRules, pdu: Pdu, state: AuthState): AuthVerdict {
  const rule = joinRuleIn(state)
  if (rule !== 'knock' && !(rules.knockRestricted && rule === 'knock_restricted')) {
    return refused('The room does not take knocks')
  }
  if (pdu.sender !== pdu.state_key) return refused('Nobody knocks for somebody else')
  const membership = membershipIn(state, pdu.sender)
  if (membership === 'ban') return refused('The user is banned')
  if (membership === 'invite') return refused('The user is invited already')
  return membership === 'join' ? refused('The user is in the room already') : allowed
}
