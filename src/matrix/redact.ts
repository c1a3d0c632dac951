import type { Json, JsonObject, Pdu } from './event.ts'
import type { RoomVersionRules } from './room-versions.ts'
import { carryWritten } from './written-numbers.ts'

interface RedactionTable {
  /** In code point order, so that what is kept needs no sorting to be encoded. */
  readonly topLevel: readonly string[]
  readonly content: ReadonlyMap<string, readonly string[] | 'all'>
  /** Keep `signed` of a member event's `third_party_invite`. */
  readonly thirdPartySigned: boolean
}

const topLevelV11 = [
  'auth_events',
  'content',
  'depth',
  'event_id',
  'hashes',
  'origin_server_ts',
  'prev_events',
  'room_id',
  'sender',
  'signatures',
  'state_key',
  'type',
]
const topLevelV1 = [...topLevelV11, 'membership', 'origin', 'prev_state'].sort()

const powerLevels = ['ban', 'events', 'events_default', 'kick', 'redact', 'state_default', 'users', 'users_default']

const contentV6: [string, readonly string[] | 'all'][] = [
  ['m.room.create', ['creator']],
  ['m.room.history_visibility', ['history_visibility']],
  ['m.room.join_rules', ['join_rule']],
  ['m.room.member', ['membership']],
  ['m.room.power_levels', powerLevels],
]
const contentV1: typeof contentV6 = [...contentV6, ['m.room.aliases', ['aliases']]]
const contentV8: typeof contentV6 = [...contentV6, ['m.room.join_rules', ['allow', 'join_rule']]]
const contentV9: typeof contentV6 = [
  ...contentV8,
  ['m.room.member', ['join_authorised_via_users_server', 'membership']],
]
const contentV11: typeof contentV6 = [
  ...contentV9,
  ['m.room.create', 'all'],
  ['m.room.power_levels', [...powerLevels, 'invite'].sort()],
  ['m.room.redaction', ['redacts']],
]

/** Later entries of a list replace earlier ones of the same type. */
const tables: Readonly<Record<RoomVersionRules['redaction'], RedactionTable>> = {
  v1: { topLevel: topLevelV1, content: new Map(contentV1), thirdPartySigned: false },
  v6: { topLevel: topLevelV1, content: new Map(contentV6), thirdPartySigned: false },
  v8: { topLevel: topLevelV1, content: new Map(contentV8), thirdPartySigned: false },
  v9: { topLevel: topLevelV1, content: new Map(contentV9), thirdPartySigned: false },
  v11: { topLevel: topLevelV11, content: new Map(contentV11), thirdPartySigned: true },
}

/**
 * What is left of an event after a redaction, as a new object: https://spec.matrix.org/v1.19/client-server-api/#redactions.
 * Hashes of ids and signatures are taken over this, so that it adds nothing: `unsigned` goes too.
 */
export function redact(pdu: Pdu, rules: RoomVersionRules): Pdu {
  const table = tables[rules.redaction]
  const kept = pick({ ...pdu }, table.topLevel)
  kept.content = redactContent(pdu.type, pdu.content, table)
  // Every required key is on the list of every version.
  return kept as unknown as Pdu
}

function redactContent(type: string, content: JsonObject, table: RedactionTable): JsonObject {
  const keys = table.content.get(type)
  if (keys === 'all') return content
  if (keys === undefined) return {}
  const kept = pick(content, keys)
  if (type === 'm.room.member' && table.thirdPartySigned) {
    const invite = content.third_party_invite
    if (isObject(invite)) kept.third_party_invite = pick(invite, ['signed'])
  }
  return kept
}

function pick(from: { readonly [key: string]: Json | undefined }, keys: readonly string[]): JsonObject {
  const kept: JsonObject = {}
  for (const key of keys) {
    const value = Object.hasOwn(from, key) ? from[key] : undefined
    if (value !== undefined) kept[key] = value
  }
  carryWritten(from, kept)
  return kept
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
