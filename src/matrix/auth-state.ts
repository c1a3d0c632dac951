import { additionalCreatorsOf, stringOf } from './content.ts'
import type { Json, JsonObject, Pdu } from './event.ts'
import type { RoomVersionRules } from './room-versions.ts'

/** A look-up in the room state that an event is checked against. */
export type AuthState = (type: string, stateKey: string) => Pdu | undefined

/** An own property of a JSON object; undefined where the value is no object. Names such as `__proto__` come from strangers. */
export function ownValue(value: Json | undefined, key: string): Json | undefined {
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A user's membership in this state, as it is written; undefined where the room has never heard of the user. */
export function membershipIn(state: AuthState, userId: string): Json | undefined {
  return state('m.room.member', userId)?.content.membership
}

/** The room's join rule as it is written; rooms without one are for invited users only. */
export function joinRuleIn(state: AuthState): Json | undefined {
  return state('m.room.join_rules', '')?.content.join_rule ?? 'invite'
}

/** Everybody who counts as creator of the room: one user before version 12, later also the `additional_creators`. */
export function creatorsOf(create: Pdu, rules: RoomVersionRules): string[] {
  if (rules.creatorInContent) return [stringOf(create, 'creator') ?? []].flat()
  return rules.roomIdIsCreateHash ? [create.sender, ...additionalCreatorsOf(create)] : [create.sender]
}
