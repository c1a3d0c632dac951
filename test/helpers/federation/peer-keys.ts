import { canonicalJson } from '../../../src/matrix/canonical-json.ts'
import type { JsonObject, Pdu } from '../../../src/matrix/event.ts'
import { contentHashMatches } from '../../../src/matrix/event-hash.ts'
import { verifyEvent } from '../../../src/matrix/event-signing.ts'
import type { ServerName } from '../../../src/matrix/ids.ts'
import { requiredSigners } from '../../../src/matrix/required-signers.ts'
import type { RoomVersionRules } from '../../../src/matrix/room-versions.ts'
import { signaturesBy, signJson, verifyJson, verifySignature } from '../../../src/matrix/signing.ts'
import { sendAsPeer } from './peer-client.ts'
import type { PeerRequest } from './peer-http.ts'
import type { Signer } from './room-builder.ts'

/** What a server says of its keys. */
export function keyDocument({ server, key }: Signer, changes: JsonObject = {}): JsonObject {
  const document = {
    server_name: server,
    valid_until_ts: Date.now() + 24 * 3600_000,
    verify_keys: { [key.keyId]: { key: key.publicKey } },
    old_verify_keys: {},
    ...changes,
  }
  return signJson(document, server, key)
}

/** The keys of the servers that a test server deals with, asked of them once. */
export class PeerKeys {
  readonly #self: Signer
  readonly #keys = new Map<string, Promise<ReadonlyMap<string, string>>>()

  constructor(self: Signer) {
    this.#self = self
  }

  /** Says who signed a request; throws an Error that tells what is wrong with the signature. */
  async verifyRequest({ authorization, method, uri, body }: PeerRequest): Promise<ServerName | undefined> {
    if (authorization === undefined) return undefined
    const part = (name: string) => new RegExp(`[ ,]${name}="([^"]*)"`).exec(authorization)?.[1] ?? ''
    const [origin, destination, keyId] = [part('origin'), part('destination'), part('key')]
    if (!authorization.startsWith('X-Matrix ') || destination !== this.#self.server) throw new Error('not for us')
    const publicKey = await this.#publicKey(origin as ServerName, keyId)
    const signed = { method, uri, origin, destination, ...(body !== undefined && { content: body }) }
    if (!verifySignature(canonicalJson(signed), publicKey, part('sig'))) throw new Error('the signature is wrong')
    return origin as ServerName
  }

  /** What is wrong with the hash and the signatures of an event; undefined where nothing is. */
  async faultOf(rules: RoomVersionRules, pdu: Pdu): Promise<string | undefined> {
    if (!contentHashMatches(pdu)) return 'the content hash does not match'
    for (const server of requiredSigners(rules, pdu)) {
      const [keyId] = [...signaturesBy(pdu, server).keys()]
      if (keyId === undefined) return `${server} has not signed`
      if (!verifyEvent(pdu, rules, server, keyId, await this.#publicKey(server, keyId)))
        return `${server} signed wrongly`
    }
    return undefined
  }

  async #publicKey(server: ServerName, keyId: string): Promise<string> {
    if (server === this.#self.server) return this.#self.key.publicKey
    const keys = this.#keys.get(server) ?? this.#fetch(server)
    this.#keys.set(server, keys)
    const key = (await keys).get(keyId)
    if (key === undefined) throw new Error(`${server} has no key ${keyId}`)
    return key
  }

  async #fetch(server: ServerName): Promise<ReadonlyMap<string, string>> {
    const { body } = await sendAsPeer(this.#self, server, 'GET', '/_matrix/key/v2/server', {
      authorization: null,
      unchecked: true,
      expect: 200,
    })
    const keys = new Map<string, string>()
    for (const field of ['old_verify_keys', 'verify_keys']) {
      for (const [keyId, value] of Object.entries(Object(body[field]))) keys.set(keyId, Object(value).key)
    }
    for (const keyId of Object.keys(Object(body.verify_keys))) {
      if (!verifyJson(body, server, keyId, keys.get(keyId) ?? '')) throw new Error(`${server} signed its keys wrongly`)
    }
    return keys
  }
}
