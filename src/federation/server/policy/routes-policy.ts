import { z } from 'zod'
import type { AppContext } from '../../../context.ts'
import { type Endpoint, endpoint } from '../../../http/endpoint.ts'
import { errors } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/event.ts'

const event = z.custom<JsonObject>((value) => typeof value === 'object' && value !== null && !Array.isArray(value))

/** This server as a policy server, where the configuration says that it is one. */
export function policyRoutes({ rooms }: Pick<AppContext, 'rooms'>): Endpoint[] {
  const { policyServing } = rooms
  return [
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/policy/v1/sign',
        auth: 'server',
        limit: 'general',
        body: event,
        spec: 'https://spec.matrix.org/v1.19/server-server-api/#post_matrixpolicyv1sign',
      },
      ({ body, faults, origin }) => {
        if (policyServing === undefined) throw errors.unrecognized(404, 'This server is no policy server')
        return policyServing.sign(origin, body, faults)
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: '/.well-known/matrix/policy_server',
        auth: 'none',
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#getwell-knownmatrixpolicy_server',
      },
      () => {
        if (policyServing === undefined) throw errors.notFound('This server is no policy server')
        return { public_keys: { ed25519: policyServing.publicKey } }
      },
    ),
  ]
}
