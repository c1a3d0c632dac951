/** Transactions as text, for what `JSON.stringify` does not write. */
import { canonicalSource } from '../../../src/matrix/canonical-source.ts'
import type { Pdu } from '../../../src/matrix/event.ts'
import type { ServerName } from '../../../src/matrix/ids.ts'
import { authorizationOf } from '../../../src/matrix/request-signature.ts'
import { randomString } from '../../../src/util/random.ts'
import type { Peer } from './peer.ts'
import type { PeerResponse } from './peer-client.ts'

export function transactionText(peer: Peer, pdus: readonly Pdu[]): string {
  return JSON.stringify({ origin: peer.serverName, origin_server_ts: Date.now(), pdus })
}

/** Sends a transaction with exactly this body, signed as it is written. */
export function sendText(peer: Peer, destination: ServerName, text: string): Promise<PeerResponse> {
  const { server: origin, key } = peer.signer
  const uri = `/_matrix/federation/v1/send/${randomString(12)}`
  const authorization = authorizationOf({ method: 'PUT', uri, origin, destination }, canonicalSource(text), key)
  return peer.request(destination, 'PUT', uri, { rawBody: text, authorization })
}
