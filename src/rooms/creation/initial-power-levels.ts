import { isJsonObject } from '../../matrix/auth-state.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'
import type { Preset } from './request.ts'

interface Wanted {
  readonly rules: RoomVersionRules
  readonly preset: Preset
  readonly creator: UserId
  /** Invited users of a trusted chat, who get the creator's power. */
  readonly equals: readonly UserId[]
  /** Levels by event type that the operator sets for all rooms. */
  readonly extraEvents: Readonly<Record<string, number>>
  readonly override: JsonObject | undefined
}

/** Version 12: those whom the creators make administrators cannot replace the room. */
export const tombstoneLevel = 150

/** The first power levels of a room; keys of the override replace whole keys, as clients expect of servers. */
export function initialPowerLevels({ rules, preset, creator, equals, extraEvents, override }: Wanted): JsonObject {
  const withCreators = !rules.roomIdIsCreateHash
  const levels: JsonObject = {
    users: withCreators ? Object.fromEntries([creator, ...equals].map((userId) => [userId, 100])) : {},
    users_default: 0,
    events: {
      'm.room.name': 50,
      'm.room.avatar': 50,
      'm.room.canonical_alias': 50,
      'm.room.power_levels': 100,
      'm.room.history_visibility': 100,
      'm.room.encryption': 100,
      'm.room.server_acl': 100,
      'm.room.tombstone': 100,
    },
    events_default: 0,
    state_default: 50,
    ban: 50,
    kick: 50,
    redact: 50,
    invite: preset === 'public_chat' ? 50 : 0,
    ...override,
  }
  const events: JsonObject = { ...extraEvents, ...(isJsonObject(levels.events) ? levels.events : {}) }
  if (rules.roomIdIsCreateHash) raiseTombstone(events, levels.state_default, isJsonObject(override?.events))
  return isJsonObject(levels.events) ? { ...levels, events } : levels
}

/** https://spec.matrix.org/v1.19/client-server-api/#creation: explicitly higher than `state_default` from version 12 on. */
function raiseTombstone(events: JsonObject, stateDefault: JsonObject[string] | undefined, isGiven: boolean): void {
  if (isGiven && events['m.room.tombstone'] !== undefined) return
  const floor = typeof stateDefault === 'number' ? stateDefault + 1 : 0
  events['m.room.tombstone'] = Math.max(tombstoneLevel, floor)
}
