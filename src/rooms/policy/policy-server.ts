import { ownValue } from '../../matrix/auth-state.ts'
import { decodeBase64 } from '../../matrix/base64.ts'
import type { Pdu } from '../../matrix/event.ts'
import { verifyEvent } from '../../matrix/event-signing.ts'
import { isServerName, type ServerName } from '../../matrix/ids.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'

/** Who recommends the events of a room: https://spec.matrix.org/v1.19/server-server-api/#policy-servers */
export interface PolicyServer {
  readonly server: ServerName
  /** Base64, of the room's choice: not one of the keys that the server publishes. */
  readonly publicKey: string
}

export const policyType = 'm.room.policy'
/** The same for all policy servers. */
export const policyKeyId = 'ed25519:policy_server'

/** The policy server that an event names; undefined where it names none, or not as it must be. */
export function readPolicyServer({ content }: Pick<Pdu, 'content'>): PolicyServer | undefined {
  const server = ownValue(content, 'via')
  const publicKey = ownValue(ownValue(content, 'public_keys'), 'ed25519')
  if (typeof server !== 'string' || !isServerName(server) || typeof publicKey !== 'string') return undefined
  return decodeBase64(publicKey)?.length === 32 ? { server, publicKey } : undefined
}

/** The event that names the policy server is never shown to it, so that a room can always part with one. */
export function needsPolicy({ type, state_key: stateKey }: Pick<Pdu, 'type' | 'state_key'>): boolean {
  return type !== policyType || stateKey !== ''
}

export function isRecommended(pdu: Pdu, rules: RoomVersionRules, { server, publicKey }: PolicyServer): boolean {
  return verifyEvent(pdu, rules, server, policyKeyId, publicKey)
}
