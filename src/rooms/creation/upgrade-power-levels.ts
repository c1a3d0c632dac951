import type { AuthState } from '../../matrix/auth-rules.ts'
import { creatorsOf, isJsonObject } from '../../matrix/auth-state.ts'
import type { Json, JsonObject } from '../../matrix/event.ts'
import type { UserId } from '../../matrix/ids.ts'
import { defaultLevels, powerOf, readLevel } from '../../matrix/power-levels.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'
import { tombstoneLevel } from './initial-power-levels.ts'

/** The old room's power levels as the new version can read them: all are integers, and what is none is left behind. */
function readable(old: RoomVersionRules, content: JsonObject): JsonObject {
  const entries = Object.entries(content).flatMap(([key, value]): [string, Json][] => {
    if (Object.hasOwn(defaultLevels, key)) return readableEntry(old, key, value)
    if (!['users', 'events', 'notifications'].includes(key)) return [[key, value]]
    if (!isJsonObject(value)) return []
    return [[key, Object.fromEntries(Object.entries(value).flatMap(([inner, one]) => readableEntry(old, inner, one)))]]
  })
  return Object.fromEntries(entries)
}

function readableEntry(old: RoomVersionRules, key: string, value: Json): [string, Json][] {
  const level = readLevel(old, value)
  return level === undefined ? [] : [[key, level]]
}

interface Upgrade {
  readonly from: RoomVersionRules
  readonly to: RoomVersionRules
  readonly state: AuthState
  readonly upgrader: UserId
  /** Everybody who has infinite power in the new room. */
  readonly creators: readonly string[]
}

/** Power levels of the new room once everything is in it. */
export function carriedPowerLevels({ from, to, state, upgrader, creators }: Upgrade): JsonObject {
  const content = readable(from, state('m.room.power_levels', '')?.content ?? {})
  const users: JsonObject = isJsonObject(content.users) ? { ...content.users } : {}
  if (to.roomIdIsCreateHash) {
    for (const creator of creators) delete users[creator]
    return { ...content, users, events: withTombstone(content) }
  }
  const create = state('m.room.create', '')
  // Creators stood above all levels, and do not where levels name everybody.
  const before = from.roomIdIsCreateHash && create !== undefined ? creatorsOf(create, from) : []
  for (const creator of before) users[creator] = highestLevel(content)
  const hasLevels = state('m.room.power_levels', '') !== undefined
  // Without levels, or as a creator, the upgrader had power that no entry in `users` says.
  if (!hasLevels || powerOf(state, from, upgrader) === Number.POSITIVE_INFINITY) users[upgrader] = highestLevel(content)
  return { ...content, users }
}

/** Replacing the room takes more than other state from version 12 on. */
function withTombstone(content: JsonObject): JsonObject {
  const events: JsonObject = isJsonObject(content.events) ? { ...content.events } : {}
  const stateDefault = typeof content.state_default === 'number' ? content.state_default : defaultLevels.state_default
  const before = events['m.room.tombstone']
  const level = Math.max(tombstoneLevel, stateDefault + 1, typeof before === 'number' ? before : 0)
  return { ...events, 'm.room.tombstone': level }
}

/** The highest level that a content names, and at least what administrators have. */
export function highestLevel(content: JsonObject): number {
  const maps = [content, content.users, content.events, content.notifications].filter(isJsonObject)
  const levels = maps.flatMap((map) => Object.values(map)).filter((value) => typeof value === 'number')
  return Math.max(100, ...levels)
}

/**
 * Levels that leave the old room to its moderators; undefined where they do already.
 * https://spec.matrix.org/v1.19/client-server-api/#room-upgrades
 */
export function restrictedPowerLevels(rules: RoomVersionRules, content: JsonObject): JsonObject | undefined {
  const level = (key: 'users_default' | 'events_default' | 'invite') =>
    readLevel(rules, content[key]) ?? defaultLevels[key]
  const floor = Math.max(50, level('users_default') + 1)
  if (level('events_default') >= floor && level('invite') >= floor) return undefined
  return {
    ...content,
    events_default: Math.max(floor, level('events_default')),
    invite: Math.max(floor, level('invite')),
  }
}
