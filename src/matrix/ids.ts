/** Matrix identifiers, parsed once and carried as branded strings: https://spec.matrix.org/v1.19/appendices/#identifier-grammar */

declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

export type UserId = Branded<'UserId'>
export type RoomId = Branded<'RoomId'>
export type EventId = Branded<'EventId'>
export type RoomAlias = Branded<'RoomAlias'>
export type ServerName = Branded<'ServerName'>
export type DeviceId = Branded<'DeviceId'>

export interface ParsedUserId {
  readonly userId: UserId
  readonly localpart: string
  readonly server: ServerName
}

/** The most bytes that an identifier may have, with its sigil and server name. */
export const maxIdBytes = 255

const serverNamePattern = /^(?:\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z.-]{1,255})(?::[0-9]{1,5})?$/
const strictLocalpartPattern = /^[a-z0-9._=\-/+]+$/
const domainlessPattern = /^[A-Za-z0-9._~=+/-]+$/

/** Whether a string is at most 255 bytes of UTF-8. */
export function fitsIdLimit(text: string): boolean {
  // A UTF-16 unit takes at most three bytes, so that short strings need no counting.
  return text.length * 3 <= maxIdBytes || Buffer.byteLength(text) <= maxIdBytes
}

export function isServerName(text: string): text is ServerName {
  return text.length <= maxIdBytes && serverNamePattern.test(text)
}

/** The index of the first colon where the text is `sigil, anything legal, colon, server name`; otherwise -1. */
function colonOf(text: string, sigil: string): number {
  if (text[0] !== sigil) return -1
  const colon = text.indexOf(':')
  if (colon < 1 || !isServerName(text.slice(colon + 1))) return -1
  return isLegalText(text) ? colon : -1
}

function isLegalText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

/** A user id of any length: events of room versions 1-10 may carry some with more than 255 bytes. */
export function hasUserIdShape(text: string): text is UserId {
  return colonOf(text, '@') > 0
}

/** A user id as servers must accept it, historical ones with odd or empty localparts included. */
export function isUserId(text: string): text is UserId {
  return fitsIdLimit(text) && hasUserIdShape(text)
}

export function isRoomAlias(text: string): text is RoomAlias {
  return fitsIdLimit(text) && colonOf(text, '#') > 1
}

/** A room id of any length. */
export function hasRoomIdShape(text: string): text is RoomId {
  return hasOpaqueShape(text, '!')
}

/** A room id with a server name (room versions 1-11) or without (12 and later). */
export function isRoomId(text: string): text is RoomId {
  return fitsIdLimit(text) && hasRoomIdShape(text)
}

/** An event id with a server name (room versions 1 and 2) or a hash alone. */
export function isEventId(text: string): text is EventId {
  return fitsIdLimit(text) && hasOpaqueShape(text, '$')
}

function hasOpaqueShape(text: string, sigil: string): boolean {
  if (text[0] !== sigil) return false
  return text.includes(':') ? colonOf(text, sigil) > 1 : domainlessPattern.test(text.slice(1))
}

/** A device id: an opaque string of 1 to 255 bytes. */
export function isDeviceId(text: string): text is DeviceId {
  return text.length > 0 && fitsIdLimit(text) && isLegalText(text)
}

/** Splits a user id at its first colon; undefined where it is none. */
export function parseUserId(text: string): ParsedUserId | undefined {
  if (!isUserId(text)) return undefined
  return { userId: text, localpart: localpartOf(text), server: serverOf(text) }
}

/** Joins a localpart and a server name; throws a RangeError where that makes no user id. */
export function makeUserId(localpart: string, server: ServerName): UserId {
  const text = `@${localpart}:${server}`
  if (localpart.includes(':') || !isUserId(text)) throw new RangeError('not a user id')
  return text
}

/** Everything after the first colon, port included. */
export function serverOf(id: UserId | RoomAlias): ServerName {
  // The brand promises a server name there.
  return id.slice(id.indexOf(':') + 1) as ServerName
}

/** What stands between the sigil and the first colon. */
export function localpartOf(id: UserId | RoomAlias): string {
  return id.slice(1, id.indexOf(':'))
}

/** The server name inside a room id or event id, or undefined where it has none. */
export function domainOf(id: RoomId | EventId): ServerName | undefined {
  const colon = id.indexOf(':')
  // The brand promises a server name after a colon.
  return colon < 0 ? undefined : (id.slice(colon + 1) as ServerName)
}

/** Whether new accounts may have this localpart: lower-case letters, digits and `._=-/+`. */
export function isStrictLocalpart(localpart: string): boolean {
  return strictLocalpartPattern.test(localpart)
}
