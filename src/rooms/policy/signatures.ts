import { type FederationTransport, RemoteError } from '../../federation/client/ports.ts'
import { requestPolicySignature } from '../../federation/client/requests-policy.ts'
import { errors, MatrixError } from '../../matrix/errors.ts'
import type { JsonObject, Pdu } from '../../matrix/event.ts'
import { withSignature } from '../../matrix/event-signing.ts'
import type { ServerName } from '../../matrix/ids.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'
import { FetchError } from '../../util/fetch-error.ts'
import type { OwnPolicy } from './own-policy.ts'
import { isRecommended, type PolicyServer, policyKeyId } from './policy-server.ts'

/**
 * The event with the signature of the policy server. Throws what that one refuses as it says it, `403 M_FORBIDDEN` where
 * it gives no signature that fits, `502` where it cannot be reached. No longer than ten seconds.
 */
export type AskPolicyServer = (policy: PolicyServer, rules: RoomVersionRules, pdu: Pdu) => Promise<Pdu>

interface Deps {
  readonly transport: FederationTransport
  readonly serverName: ServerName
  /** Undefined where this server is no policy server. */
  readonly ownPolicy: OwnPolicy | undefined
}

export function createAskPolicyServer({ transport, serverName, ownPolicy }: Deps): AskPolicyServer {
  async function ask(server: ServerName, rules: RoomVersionRules, pdu: Pdu): Promise<string | undefined> {
    if (server !== serverName) {
      // A PDU holds nothing but JSON.
      return requestPolicySignature(transport, server, policyKeyId, pdu as unknown as JsonObject)
    }
    if (ownPolicy === undefined)
      throw errors.unrecognized(404, 'This server is named as the policy server of the room, and is none')
    return ownPolicy.sign(rules, pdu)
  }

  return async (policy, rules, pdu) => {
    try {
      const signature = await ask(policy.server, rules, pdu)
      const signed = signature === undefined ? pdu : withSignature(pdu, policy.server, policyKeyId, signature)
      if (isRecommended(signed, rules, policy)) return signed
    } catch (error) {
      throw asClientError(error)
    }
    throw errors.forbidden('The policy server of the room does not recommend the event')
  }
}

function asClientError(error: unknown): unknown {
  if (error instanceof FetchError) {
    return new MatrixError(502, 'M_UNKNOWN', 'The policy server of the room cannot be reached')
  }
  const isLimit = error instanceof RemoteError && error.status === 429
  const retryAfter = isLimit ? error.body.retry_after_ms : undefined
  return isLimit ? errors.limitExceeded(typeof retryAfter === 'number' ? retryAfter : 1000, error.message) : error
}
