import { type AuthState, isJsonObject, membershipIn, ownValue } from './auth-state.ts'
import { type AuthVerdict, allowed, refused } from './auth-verdict.ts'
import type { JsonObject, Pdu } from './event.ts'
import { verifyJson } from './signing.ts'

/** The rules for an invite that an identity server turned from an address into a user. */
export function checkThirdPartyInvite(pdu: Pdu, state: AuthState, target: string): AuthVerdict {
  if (membershipIn(state, target) === 'ban') return refused('The user is banned')
  const signed = ownValue(pdu.content.third_party_invite, 'signed')
  if (!isJsonObject(signed)) return refused('The third-party invite is not signed')
  if (typeof signed.mxid !== 'string' || typeof signed.token !== 'string') {
    return refused('The third-party invite names no user or no token')
  }
  if (signed.mxid !== target) return refused('The third-party invite is for another user')
  const invitation = state('m.room.third_party_invite', signed.token)
  if (invitation === undefined) return refused('The room has no third-party invite with this token')
  if (invitation.sender !== pdu.sender) return refused('The third-party invite was sent by another user')
  return isSignedByAny(signed, publicKeysOf(invitation))
    ? allowed
    : refused('No key of the third-party invite signed this')
}

/** Enough for every identity server, and few enough that nobody can make us verify thousands of signatures per event. */
const mostTried = 8

function publicKeysOf(invitation: Pdu): string[] {
  const { public_key: single, public_keys: list } = invitation.content
  const keys = Array.isArray(list) ? list.slice(0, mostTried).map((entry) => ownValue(entry, 'public_key')) : []
  return [single, ...keys].filter((key) => typeof key === 'string')
}

function isSignedByAny(signed: JsonObject, publicKeys: readonly string[]): boolean {
  const signatures = isJsonObject(signed.signatures) ? Object.entries(signed.signatures) : []
  const tried = signatures
    .flatMap(([server, keys]) => (isJsonObject(keys) ? Object.keys(keys).map((keyId) => ({ server, keyId })) : []))
    .slice(0, mostTried)
  return tried.some(({ server, keyId }) => publicKeys.some((key) => verifyJson(signed, server, keyId, key)))
}
