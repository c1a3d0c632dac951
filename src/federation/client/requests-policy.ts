import { z } from 'zod'
import type { JsonObject } from '../../matrix/event.ts'
import type { ServerName } from '../../matrix/ids.ts'
import type { FederationTransport } from './ports.ts'

/** Somebody waits for it, and the events of a room wait for each other. */
const timeoutMs = 10_000
const maxBytes = 64 * 1024

/** Servers that do not recommend an event may say so by an empty answer. */
const answer = z.record(z.string(), z.record(z.string(), z.string()).catch({}))

/**
 * Asks a policy server for its signature on an event; undefined where it gives none.
 * https://spec.matrix.org/v1.19/server-server-api/#post_matrixpolicyv1sign
 */
export async function requestPolicySignature(
  transport: FederationTransport,
  destination: ServerName,
  keyId: string,
  body: JsonObject,
): Promise<string | undefined> {
  const path = '/_matrix/policy/v1/sign'
  const signatures = await transport.request({ destination, method: 'POST', path, body, timeoutMs, maxBytes, answer })
  return Object.hasOwn(signatures, destination) ? signatures[destination]?.[keyId] : undefined
}
