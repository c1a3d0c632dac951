import { createHash } from 'node:crypto'
import { decodeBase64, encodeBase64, encodeBase64Url } from './base64.ts'
import { lenientCanonicalJson } from './canonical-json.ts'
import type { IdentifiedPdu, Pdu } from './event.ts'
import { encodeEvent, signedText, withSignature } from './event-signing.ts'
import type { EventId, RoomId, ServerName } from './ids.ts'
import type { RoomVersionRules } from './room-versions.ts'
import type { SigningKey } from './signing.ts'

/** The hash over the whole event, unredacted, as unpadded Base64: https://spec.matrix.org/v1.19/server-server-api/#calculating-the-content-hash-for-an-event */
export function contentHash(pdu: Pdu): string {
  return encodeBase64(sha256(lenientCanonicalJson(withoutHashes(pdu))))
}

/** Whether the event carries the hash of what it says; where it does not, only its redacted form may be used. */
export function contentHashMatches(pdu: Pdu): boolean {
  const claimed = decodeBase64(pdu.hashes?.sha256 ?? '')
  return claimed?.equals(sha256(lenientCanonicalJson(withoutHashes(pdu)))) ?? false
}

/** The hash over the redacted event, by which others refer to it, as unpadded Base64. Throws `M_BAD_JSON` as `signedText` does. */
export function referenceHash(pdu: Pdu, rules: RoomVersionRules): string {
  return encodeBase64(sha256(signedText(pdu, rules)))
}

/** The id of an event; throws where one of room version 1 or 2 carries none, and `M_BAD_JSON` as `signedText` does. */
export function eventIdOf(pdu: Pdu, rules: RoomVersionRules): EventId {
  return rules.eventIdFormat === 'v1' ? ownEventId(pdu) : hashedEventId(signedText(pdu, rules), rules)
}

/** The room id that a create event of version 12 or later makes: its own id with another sigil. */
export function roomIdOfCreate(eventId: EventId): RoomId {
  return `!${eventId.slice(1)}` as RoomId
}

/** The room of an event, also of a create event that does not name it. */
export function roomIdOf(event: IdentifiedPdu): RoomId {
  return event.pdu.room_id ?? roomIdOfCreate(event.eventId)
}

/**
 * Completes an event of ours with its content hash, signature and id. Throws `M_BAD_JSON` where the event is not
 * canonical JSON, and an Error where one of room version 1 or 2 has no `event_id` yet.
 */
export function hashAndSign(pdu: Pdu, rules: RoomVersionRules, server: ServerName, key: SigningKey): IdentifiedPdu {
  const hashed = { ...pdu, hashes: { sha256: encodeBase64(sha256(encodeEvent(withoutHashes(pdu), rules))) } }
  const text = signedText(hashed, rules)
  const eventId = rules.eventIdFormat === 'v1' ? ownEventId(pdu) : hashedEventId(text, rules)
  return { eventId, pdu: withSignature(hashed, server, key.keyId, key.sign(text)) }
}

function ownEventId(pdu: Pdu): EventId {
  if (pdu.event_id === undefined) throw new Error('An event of room version 1 or 2 must carry its id')
  return pdu.event_id
}

function hashedEventId(text: string, rules: RoomVersionRules): EventId {
  const hash = sha256(text)
  return `$${rules.eventIdFormat === 'v3' ? encodeBase64(hash) : encodeBase64Url(hash)}` as EventId
}

function withoutHashes(pdu: Pdu): Pdu {
  const { hashes: _hashes, signatures: _signatures, unsigned: _unsigned, ...rest } = pdu
  return rest
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
