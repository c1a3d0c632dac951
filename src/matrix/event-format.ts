import { assertCanonical } from './canonical-json.ts'
import { MatrixError } from './errors.ts'
import type { Json, JsonObject, Pdu } from './event.ts'
import { checkEventSize } from './event-size.ts'
import { hasRoomIdShape, hasUserIdShape } from './ids.ts'
import type { RoomVersionRules } from './room-versions.ts'

export type FormatVerdict =
  | { readonly valid: true; readonly pdu: Pdu }
  | { readonly valid: false; readonly reason: string }

const maxPrevEvents = 20
const maxAuthEvents = 10

/**
 * Whether JSON of another server has the form, the limits and (since version 6) the canonical numbers and strings of an
 * event: the first check on receipt. What `JSON.parse` hides, such as `1.0`, is found by `parseJsonWithFaults` only.
 * https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 */
export function checkPduFormat(value: Json | undefined, rules: RoomVersionRules): FormatVerdict {
  if (!isObject(value)) return { valid: false, reason: 'the event is not an object' }
  try {
    const reason = findShapeFault(value, rules)
    if (reason !== undefined) return { valid: false, reason }
    if (rules.strictCanonicalJson) assertCanonical(value)
    // The checks above are what the type says.
    const pdu = value as unknown as Pdu
    const size = checkEventSize(pdu, rules)
    return size.fits ? { valid: true, pdu } : { valid: false, reason: size.reason }
  } catch (error) {
    if (error instanceof MatrixError) return { valid: false, reason: error.message }
    throw error
  }
}

type FieldCheck = (value: Json | undefined, event: JsonObject, rules: RoomVersionRules) => boolean

const fieldChecks: readonly (readonly [field: string, isValid: FieldCheck])[] = [
  ['type', isString],
  ['sender', (value) => isString(value) && hasUserIdShape(value)],
  ['content', isObject],
  ['origin_server_ts', Number.isInteger],
  ['depth', (value) => isInteger(value) && value >= 0],
  ['room_id', isRoomIdField],
  ['state_key', isOptional(isString)],
  ['unsigned', isOptional(isObject)],
  ['prev_events', (value, _event, rules) => isReferenceList(value, maxPrevEvents, rules)],
  ['auth_events', (value, _event, rules) => isReferenceList(value, maxAuthEvents, rules)],
  ['hashes', isHashes],
  ['signatures', isSignatures],
  ['event_id', (value, _event, rules) => rules.eventIdFormat !== 'v1' || isEventReference(value)],
  ['redacts', isRedactsField],
]

function findShapeFault(event: JsonObject, rules: RoomVersionRules): string | undefined {
  const fault = fieldChecks.find(([field, isValid]) => !isValid(event[field], event, rules))
  if (!fault) return undefined
  return `${fault[0]} is ${event[fault[0]] === undefined ? 'missing' : 'malformed'}`
}

/** Create events of version 12 name no room, because their hash is its id; the authorisation rules refuse those that do. */
function isRoomIdField(value: Json | undefined, event: JsonObject, rules: RoomVersionRules): boolean {
  if (value === undefined) return rules.roomIdIsCreateHash && event.type === 'm.room.create'
  return isString(value) && hasRoomIdShape(value)
}

/** Where redactions name their target at the top level it must be an id; elsewhere the key means nothing. */
function isRedactsField(value: Json | undefined, event: JsonObject, rules: RoomVersionRules): boolean {
  if (rules.redactsInContent || event.type !== 'm.room.redaction') return true
  return value === undefined || isEventReference(value)
}

function isReferenceList(value: Json | undefined, max: number, rules: RoomVersionRules): boolean {
  if (!Array.isArray(value) || value.length > max) return false
  return value.every(rules.eventIdFormat === 'v1' ? isHashedReference : isEventReference)
}

/** Synapse leaves the hash out where the event has just been made. */
function isHashedReference(value: Json): boolean {
  return Array.isArray(value) && value.length === 2 && isEventReference(value[0]) && isObject(value[1])
}

function isEventReference(value: Json | undefined): boolean {
  return isString(value) && value.startsWith('$') && value.length > 1 && value.isWellFormed()
}

function isHashes(value: Json | undefined): boolean {
  return isObject(value) && isString(value.sha256)
}

function isSignatures(value: Json | undefined): boolean {
  return isObject(value) && Object.values(value).every((keys) => isObject(keys) && Object.values(keys).every(isString))
}

function isOptional(check: (value: Json | undefined) => boolean): FieldCheck {
  return (value) => value === undefined || check(value)
}

function isString(value: Json | undefined): value is string {
  return typeof value === 'string'
}

function isInteger(value: Json | undefined): value is number {
  return Number.isInteger(value)
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
