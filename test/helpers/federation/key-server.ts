/** Another server that has keys and nothing else. */
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Json, JsonObject } from '../../../src/matrix/event.ts'
import type { ServerName } from '../../../src/matrix/ids.ts'
import { signRequest } from '../../../src/matrix/request-signature.ts'
import { type SigningKey, signingKeyFromSeed, signJson } from '../../../src/matrix/signing.ts'
import type { Authority } from './certificates.ts'

export interface KeyServer extends AsyncDisposable {
  readonly name: ServerName
  readonly port: number
  readonly key: SigningKey
  /** How often it was asked for its keys. */
  asked: number
  /** What it answers about them; replace it to lie. Undefined: it hangs up. */
  answer: () => JsonObject | undefined
  /** The `Authorization` header of a request of this server. */
  sign(request: { method: string; uri: string; destination: string; content?: Json }): string
}

export interface KeyServerOptions {
  /** The time that its answers go by, in ms. */
  readonly now?: () => number
  /** Answers everything but its keys. */
  readonly otherwise?: RequestListener
}

let seeds = 0

/** A key that no other test server has. */
export function newSigningKey(version = 'a'): SigningKey {
  return signingKeyFromSeed(version, new Uint8Array(32).fill(++seeds))
}

/** What a server says of its keys, valid for a day. */
export function keyDocument(name: string, keys: readonly SigningKey[], now: number, more: JsonObject = {}): JsonObject {
  const document: JsonObject = {
    server_name: name,
    valid_until_ts: now + 86_400_000,
    verify_keys: Object.fromEntries(keys.map(({ keyId, publicKey }) => [keyId, { key: publicKey }])),
    old_verify_keys: {},
    ...more,
  }
  return keys.reduce((object, key) => signJson(object, name, key), document)
}

/** A server `localhost:PORT` with a certificate of the authority. */
export async function startKeyServer(authority: Authority, options: KeyServerOptions = {}): Promise<KeyServer> {
  const { now = Date.now, otherwise } = options
  const key = newSigningKey()
  const { cert, key: privateKey } = authority.issue('localhost')
  const server = createServer({ cert, key: privateKey }, (request, response) => {
    if (request.url !== '/_matrix/key/v2/server') {
      if (otherwise) otherwise(request, response)
      else response.writeHead(404).end('{"errcode":"M_UNRECOGNIZED"}')
      return
    }
    peer.asked++
    const answer = peer.answer()
    if (answer) response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    else response.destroy()
  }).listen(0, 'localhost')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const name = `localhost:${port}` as ServerName
  const peer: KeyServer = {
    name,
    port,
    key,
    asked: 0,
    answer: () => keyDocument(name, [key], now()),
    sign: (request) => signRequest({ ...request, origin: name }, key),
    async [Symbol.asyncDispose]() {
      if (!server.listening) return
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return peer
}
