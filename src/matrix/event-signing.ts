import { canonicalJson, lenientCanonicalJson } from './canonical-json.ts'
import { MatrixError } from './errors.ts'
import type { Pdu } from './event.ts'
import type { ServerName } from './ids.ts'
import { redact } from './redact.ts'
import type { RoomVersionRules } from './room-versions.ts'
import { type SigningKey, signaturesBy, verifySignature } from './signing.ts'

/**
 * The text that both the signatures and the reference hash of an event cover: its redacted form without signatures.
 * Throws `M_BAD_JSON` where the room version enforces canonical JSON and the event is not.
 * https://spec.matrix.org/v1.19/server-server-api/#signing-events
 */
export function signedText(pdu: Pdu, rules: RoomVersionRules): string {
  const { signatures: _signatures, unsigned: _unsigned, ...rest } = redact(pdu, rules)
  return encodeEvent(rest, rules)
}

/** Canonical JSON as the room version has it: strict since version 6. */
export function encodeEvent(pdu: Pdu, rules: RoomVersionRules): string {
  return rules.strictCanonicalJson ? canonicalJson(pdu) : lenientCanonicalJson(pdu)
}

/** The event with our signature added to those it has, as the invited server does with an invitation. */
export function signEvent(pdu: Pdu, rules: RoomVersionRules, server: ServerName, key: SigningKey): Pdu {
  return withSignature(pdu, server, key.keyId, key.sign(signedText(pdu, rules)))
}

/** The event with one more signature, which its caller has made. */
export function withSignature(pdu: Pdu, server: ServerName, keyId: string, signature: string): Pdu {
  const signatures = { ...pdu.signatures, [server]: { ...pdu.signatures?.[server], [keyId]: signature } }
  return { ...pdu, signatures }
}

/** Whether the event has a fitting signature of this server with this key (public, Base64). */
export function verifyEvent(
  pdu: Pdu,
  rules: RoomVersionRules,
  server: ServerName,
  keyId: string,
  publicKey: string,
): boolean {
  const signature = signaturesBy(pdu, server).get(keyId)
  if (signature === undefined) return false
  try {
    return verifySignature(signedText(pdu, rules), publicKey, signature)
  } catch (error) {
    if (error instanceof MatrixError) return false
    throw error
  }
}
