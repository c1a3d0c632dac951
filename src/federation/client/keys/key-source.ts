import { z } from 'zod'
import type { JsonObject } from '../../../matrix/event.ts'
import type { ServerName } from '../../../matrix/ids.ts'
import type { Clock } from '../../../util/clock.ts'
import type { FederationTransport } from '../ports.ts'
import { type KeyAnswer, readKeyAnswer } from './key-answer.ts'

/** Asks for the keys of a server. Throws a `RemoteError` or `FetchError`; undefined where the answer is not to be believed. */
export type AskForKeys = (server: ServerName, signal?: AbortSignal) => Promise<KeyAnswer | undefined>

// JSON is all that the transport parses.
const jsonObject = z.record(z.string(), z.unknown()) as unknown as z.ZodType<JsonObject>
const timeoutMs = 10_000
const maxBytes = 256 * 1024

/** Asks the server itself: https://spec.matrix.org/v1.19/server-server-api/#get_matrixkeyv2server */
export function createDirectSource(transport: FederationTransport, clock: Clock): AskForKeys {
  return async (server, signal) => {
    const json = await transport.request({
      destination: server,
      method: 'GET',
      path: '/_matrix/key/v2/server',
      answer: jsonObject,
      isUnsigned: true,
      timeoutMs,
      maxBytes,
      ...(signal && { signal }),
    })
    return readKeyAnswer(server, json, clock.now())
  }
}
