/** Whose signatures an event must carry: https://spec.matrix.org/v1.19/server-server-api/#validating-hashes-and-signatures-on-received-events */
import { isJsonObject } from './auth-state.ts'
import type { Pdu } from './event.ts'
import { domainOf, hasUserIdShape, type ServerName, serverOf } from './ids.ts'
import type { RoomVersionRules } from './room-versions.ts'

/**
 * The servers that must have signed an event: its sender's, in versions 1 and 2 the one in its id, and for a join that
 * a resident user let in, that user's. The sender's server need not sign an invite made from a third-party invite.
 */
export function requiredSigners(rules: RoomVersionRules, pdu: Pdu): ServerName[] {
  const signers = new Set<ServerName>()
  const { membership, third_party_invite: invite, join_authorised_via_users_server: authoriser } = pdu.content
  const isMember = pdu.type === 'm.room.member'
  if (!(isMember && membership === 'invite' && isJsonObject(invite))) signers.add(serverOf(pdu.sender))
  if (rules.eventIdFormat === 'v1' && pdu.event_id !== undefined) {
    const domain = domainOf(pdu.event_id)
    if (domain !== undefined) signers.add(domain)
  }
  if (rules.restrictedJoin && isMember && membership === 'join' && typeof authoriser === 'string') {
    if (hasUserIdShape(authoriser)) signers.add(serverOf(authoriser))
  }
  return [...signers]
}
