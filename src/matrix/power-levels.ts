/** Who may do what, from the power levels in a room state: https://spec.matrix.org/v1.19/client-server-api/#mroompower_levels */
import { type AuthState, creatorsOf, ownValue } from './auth-state.ts'
import type { Json } from './event.ts'
import type { RoomVersionRules } from './room-versions.ts'

export const defaultLevels = {
  users_default: 0,
  events_default: 0,
  state_default: 50,
  ban: 50,
  kick: 50,
  redact: 50,
  invite: 0,
} as const

export type PowerAction = 'ban' | 'kick' | 'redact' | 'invite'

const integerText = /^\s*[+-]?[0-9]+\s*$/

/**
 * A level as the room version reads it: integers, before version 10 also integers as text, before version 6 also
 * floats, cut at the point. Undefined where it is none of these.
 */
export function readLevel(rules: RoomVersionRules, value: Json | undefined): number | undefined {
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value
    return rules.strictCanonicalJson || !Number.isFinite(value) ? undefined : Math.trunc(value)
  }
  if (typeof value !== 'string' || rules.integerPowerLevels || !integerText.test(value)) return undefined
  const level = Number(value)
  return Number.isSafeInteger(level) ? level : undefined
}

/** Whether the user's power is infinite: creators in version 12 and later. */
export function hasInfinitePower(state: AuthState, rules: RoomVersionRules, userId: string): boolean {
  if (!rules.roomIdIsCreateHash) return false
  const create = state('m.room.create', '')
  return create !== undefined && creatorsOf(create, rules).includes(userId)
}

/** The user's power level: `Infinity` for creators in version 12 and later. */
export function powerOf(state: AuthState, rules: RoomVersionRules, userId: string): number {
  if (hasInfinitePower(state, rules, userId)) return Number.POSITIVE_INFINITY
  const levels = state('m.room.power_levels', '')?.content
  if (levels === undefined) {
    const create = state('m.room.create', '')
    return create !== undefined && creatorsOf(create, rules).includes(userId) ? 100 : 0
  }
  return readLevel(rules, ownValue(levels.users, userId)) ?? levelOf(state, rules, 'users_default')
}

/** The level that sending an event of this type takes. Membership has rules of its own. */
export function requiredPower(state: AuthState, rules: RoomVersionRules, type: string, isState: boolean): number {
  const events = state('m.room.power_levels', '')?.content.events
  return readLevel(rules, ownValue(events, type)) ?? levelOf(state, rules, isState ? 'state_default' : 'events_default')
}

/** The level that banning, kicking, inviting, or redacting somebody else's event takes. */
export function actionPower(state: AuthState, rules: RoomVersionRules, action: PowerAction): number {
  return levelOf(state, rules, action)
}

/** The level that notifying everybody takes, for a key of `notifications` such as `room`. */
export function notificationPower(state: AuthState, rules: RoomVersionRules, key: string): number {
  return readLevel(rules, ownValue(state('m.room.power_levels', '')?.content.notifications, key)) ?? 50
}

function levelOf(state: AuthState, rules: RoomVersionRules, name: keyof typeof defaultLevels): number {
  return readLevel(rules, state('m.room.power_levels', '')?.content[name]) ?? defaultLevels[name]
}
