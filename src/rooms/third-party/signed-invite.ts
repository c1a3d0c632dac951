import { isJsonObject, ownValue } from '../../matrix/auth-state.ts'
import type { Json, JsonObject, Pdu } from '../../matrix/event.ts'
import { isUserId, type UserId } from '../../matrix/ids.ts'
import { verifyJson } from '../../matrix/signing.ts'

/** What an identity server signed for the owner of an invited address. */
export interface SignedInvite {
  readonly mxid: UserId
  readonly token: string
  /** The whole object: the signature covers it. */
  readonly signed: JsonObject
}

/** Undefined where it is not of that form. */
export function parseSignedInvite(value: Json | undefined): SignedInvite | undefined {
  if (!isJsonObject(value)) return undefined
  const { mxid, token, signatures } = value
  if (typeof mxid !== 'string' || !isUserId(mxid) || typeof token !== 'string' || !isJsonObject(signatures)) {
    return undefined
  }
  return { mxid, token, signed: value }
}

/** A key with which an invitation may be signed, and where to ask whether it still counts. */
export interface InviteKey {
  readonly publicKey: string
  readonly validityUrl: string | undefined
}

/** As many as the authorisation rules look at. */
const mostKeys = 8

/** The keys of an invitation with which `signed` has been signed. */
export function signingKeysOf(invitation: Pdu, { signed }: SignedInvite): InviteKey[] {
  const { public_keys: list } = invitation.content
  const entries: (Json | undefined)[] = [invitation.content, ...(Array.isArray(list) ? list.slice(0, mostKeys) : [])]
  const keys = new Map<string, InviteKey>()
  for (const entry of entries) {
    const publicKey = ownValue(entry, 'public_key')
    const validityUrl = ownValue(entry, 'key_validity_url')
    if (typeof publicKey !== 'string' || keys.has(publicKey) || !isSignedWith(signed, publicKey)) continue
    keys.set(publicKey, { publicKey, validityUrl: typeof validityUrl === 'string' ? validityUrl : undefined })
  }
  return [...keys.values()]
}

function isSignedWith(signed: JsonObject, publicKey: string): boolean {
  const signatures = isJsonObject(signed.signatures) ? Object.entries(signed.signatures) : []
  return signatures
    .flatMap(([server, keys]) => (isJsonObject(keys) ? Object.keys(keys).map((keyId) => ({ server, keyId })) : []))
    .slice(0, mostKeys)
    .some(({ server, keyId }) => verifyJson(signed, server, keyId, publicKey))
}
