import type { JsonObject, Pdu } from '../../../src/matrix/event.ts'
import { eventIdOf } from '../../../src/matrix/event-hash.ts'
import { signedText, withSignature } from '../../../src/matrix/event-signing.ts'
import type { RoomVersionRules } from '../../../src/matrix/room-versions.ts'
import { newSigningKey } from './key-server.ts'
import type { Peer } from './peer.ts'
import type { PeerAnswer } from './peer-http.ts'

/** A peer as the policy server of rooms. */
export interface PolicyPeer {
  /** For `m.room.policy`. */
  readonly content: JsonObject
  /** Events that it was asked to sign, in order. */
  readonly asked: Pdu[]
  /** What it answers instead of its signature; undefined: that. A promise makes others wait. */
  answerWith: (pdu: Pdu) => PeerAnswer | 'hang up' | undefined | Promise<PeerAnswer | 'hang up' | undefined>
  sign(pdu: Pdu): Pdu
}

export const policySignPath = '/_matrix/policy/v1/sign'
const keyId = 'ed25519:policy_server'

/** Has a peer recommend events with a key of its own, in rooms of one version. */
export function makePolicyServer(peer: Peer, rules: RoomVersionRules): PolicyPeer {
  const key = newSigningKey('policy_server')
  const signatureOf = (pdu: Pdu) => key.sign(signedText(pdu, rules))
  const policy: PolicyPeer = {
    content: { via: peer.serverName, public_keys: { ed25519: key.publicKey } },
    asked: [],
    answerWith: () => undefined,
    sign: (pdu) => withSignature(pdu, peer.serverName, keyId, signatureOf(pdu)),
  }
  peer.on('POST', policySignPath, async ({ body }) => {
    const pdu = body as unknown as Pdu
    policy.asked.push(pdu)
    // An id shows that the event is complete.
    eventIdOf(pdu, rules)
    const answer = await policy.answerWith(pdu)
    if (answer === 'hang up') return undefined
    return answer ?? { body: { [peer.serverName]: { [keyId]: signatureOf(pdu) } } }
  })
  return policy
}
