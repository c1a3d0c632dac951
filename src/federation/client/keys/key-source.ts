import { z } from 'zod'
import type { JsonObject } from '../../../matrix/event.ts'
import type { ServerName } from '../../../matrix/ids.ts'
import type { Clock } from '../../../util/clock.ts'
import type { FederationTransport, Keyring } from '../ports.ts'
import { type KeyAnswer, readKeyAnswer } from './key-answer.ts'

export interface AskOptions {
  readonly signal?: AbortSignal | undefined
  /** The server is there, whatever failed before: it has just asked for something itself. */
  readonly isThere?: boolean | undefined
}

/** Somebody who can be asked for the keys of a server. */
export interface KeySource {
  readonly name: string
  /** It is the server itself, whose last word counts. */
  readonly isFirsthand: boolean
  /** What can be believed of the answer. Throws a `RemoteError` or a `FetchError`. */
  ask(server: ServerName, options: AskOptions): Promise<KeyAnswer[]>
}

// The transport parses nothing but JSON.
const jsonObject = z.record(z.string(), z.unknown()) as unknown as z.ZodType<JsonObject>
const timeoutMs = 10_000
const maxBytes = 64 * 1024

/** The server itself: https://spec.matrix.org/v1.19/server-server-api/#get_matrixkeyv2server */
export function createDirectSource(transport: FederationTransport, clock: Clock): KeySource {
  return {
    name: 'itself',
    isFirsthand: true,
    ask: async (server, { signal, isThere = false }) => {
      const json = await transport.request({
        destination: server,
        method: 'GET',
        path: '/_matrix/key/v2/server',
        answer: jsonObject,
        isUnsigned: true,
        ignoreBackOff: isThere,
        timeoutMs,
        maxBytes,
        ...(signal && { signal }),
      })
      const answer = readKeyAnswer(server, json, clock.now())
      return answer ? [answer] : []
    },
  }
}

/** A server that passes on keys of others: https://spec.matrix.org/v1.19/server-server-api/#post_matrixkeyv2query */
export function createNotarySource(
  notary: ServerName,
  transport: FederationTransport,
  verifyJson: Keyring['verifyJson'],
  clock: Clock,
): KeySource {
  return {
    name: notary,
    isFirsthand: false,
    ask: async (server, { signal }) => {
      // Its own keys come from itself, or its word would rest on its word.
      if (server === notary) return []
      const { server_keys: passedOn } = await transport.request({
        destination: notary,
        method: 'POST',
        path: '/_matrix/key/v2/query',
        body: { server_keys: { [server]: {} } },
        answer: z.looseObject({ server_keys: z.array(jsonObject).max(100) }),
        timeoutMs,
        maxBytes: 4 * maxBytes,
        ...(signal && { signal }),
      })
      const answers: KeyAnswer[] = []
      for (const json of passedOn) {
        const answer = readKeyAnswer(server, json, clock.now())
        if (answer && (await verifyJson(notary, json))) answers.push(answer)
      }
      return answers
    },
  }
}
