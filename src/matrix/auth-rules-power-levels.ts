import { type AuthState, creatorsOf, isJsonObject } from './auth-state.ts'
import { type AuthVerdict, allowed, refused } from './auth-verdict.ts'
import type { Json, JsonObject, Pdu } from './event.ts'
import { hasUserIdShape } from './ids.ts'
import { defaultLevels, powerOf, readLevel } from './power-levels.ts'
import type { RoomVersionRules } from './room-versions.ts'

const singleLevels = Object.keys(defaultLevels)

interface Change {
  readonly key: string
  readonly before: number | undefined
  readonly after: number | undefined
}

/** The rules for `m.room.power_levels`: nobody gives or takes what is above their own power. */
export function checkPowerLevels(rules: RoomVersionRules, pdu: Pdu, state: AuthState): AuthVerdict {
  const fault = findUnreadable(rules, pdu.content) ?? findMisplacedUser(rules, pdu.content, state)
  if (fault !== undefined) return refused(fault)
  const before = state('m.room.power_levels', '')?.content
  if (before === undefined) return allowed
  const power = powerOf(state, rules, pdu.sender)
  for (const map of mapsOf(rules)) {
    for (const { key, before: old, after } of changesIn(rules, before[map], pdu.content[map])) {
      const ownEntry = map === 'users' && key === pdu.sender
      // Levels of equals stand: otherwise two administrators could depose each other.
      if (old !== undefined && !ownEntry && (map === 'users' ? old >= power : old > power)) {
        return refused(`The sender may not change the level of ${key}, which is ${old}`)
      }
      if (after !== undefined && after > power) return refused(`The sender may not set the level of ${key} to ${after}`)
    }
  }
  for (const { key, before: old, after } of changesIn(rules, pick(before), pick(pdu.content))) {
    if (Math.max(old ?? Number.NEGATIVE_INFINITY, after ?? Number.NEGATIVE_INFINITY) > power) {
      return refused(`The sender may not change ${key}`)
    }
  }
  return allowed
}

function mapsOf(rules: RoomVersionRules): ('users' | 'events' | 'notifications')[] {
  return rules.notificationsPowerLevels ? ['users', 'events', 'notifications'] : ['users', 'events']
}

/** Servers would disagree about a level that only some of them can read; so no room version lets one in. */
export function findUnreadable(rules: RoomVersionRules, content: JsonObject): string | undefined {
  for (const key of singleLevels) {
    if (content[key] !== undefined && readLevel(rules, content[key]) === undefined) return `${key} is not a level`
  }
  for (const map of mapsOf(rules)) {
    const entries = content[map]
    if (entries === undefined) continue
    if (!isJsonObject(entries)) return `${map} is not an object`
    for (const [key, value] of Object.entries(entries)) {
      if (readLevel(rules, value) === undefined) return `The level of ${key} in ${map} is not a level`
    }
  }
  return undefined
}

/** The first user of the levels who may not be named there: what is no user id, and creators who stand above all levels. */
export function findMisplacedUser(rules: RoomVersionRules, content: JsonObject, state: AuthState): string | undefined {
  const users = isJsonObject(content.users) ? content.users : {}
  const stranger = Object.keys(users).find((key) => !hasUserIdShape(key))
  if (stranger !== undefined) return `${stranger} in users is not a user id`
  const create = rules.roomIdIsCreateHash ? state('m.room.create', '') : undefined
  const creator = create && creatorsOf(create, rules).find((userId) => Object.hasOwn(users, userId))
  return creator === undefined ? undefined : `${creator} created the room and stands above all levels`
}

function pick(content: JsonObject): JsonObject {
  return Object.fromEntries(
    singleLevels.flatMap((key) => (content[key] === undefined ? [] : [[key, content[key]] as const])),
  )
}

function changesIn(rules: RoomVersionRules, before: Json | undefined, after: Json | undefined): Change[] {
  const old = isJsonObject(before) ? before : {}
  const now = isJsonObject(after) ? after : {}
  const changes: Change[] = []
  for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
    const change = {
      key,
      before: Object.hasOwn(old, key) ? readLevel(rules, old[key]) : undefined,
      after: Object.hasOwn(now, key) ? readLevel(rules, now[key]) : undefined,
    }
    if (change.before !== change.after) changes.push(change)
  }
  return changes
}
