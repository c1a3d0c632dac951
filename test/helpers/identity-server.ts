import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonObject } from '../../src/matrix/event.ts'
import { signingKeyFromSeed, signJson, verifyJson } from '../../src/matrix/signing.ts'

export interface AskedQuestion {
  readonly method: string
  readonly path: string
  readonly authorization: string
  readonly body: JsonObject
}

export interface TestIdentityServer extends AsyncDisposable {
  /** As clients name it. */
  readonly name: string
  readonly url: string
  /** Who has which mail address. */
  readonly bound: Map<string, string>
  readonly asked: AskedQuestion[]
  /** Whether the keys of invitations still count. */
  keysAreValid: boolean
  /** Algorithms for looking addresses up. */
  algorithms: string[]
  pepper: string
  /** Answers everything with this. */
  answer: { status: number; body: unknown } | undefined
  /** What the owner of an address gets to redeem an invitation with. */
  sign(token: string, userId: string, sender: string): JsonObject
  /** Our server's public key, to check what it signs. */
  trust(serverName: string, keyId: string, publicKey: string): void
}

const token = 'id-access-token'

/** A server that knows which user has a mail address, as the specification describes it. */
export async function createIdentityServer(): Promise<TestIdentityServer> {
  const longTerm = signingKeyFromSeed('0', new Uint8Array(32).fill(1))
  const ephemeral = signingKeyFromSeed('0', new Uint8Array(32).fill(2))
  const homeservers = new Map<string, { keyId: string; publicKey: string }>()
  let invites = 0

  const http = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const body = await readJson(request)
    const question = {
      method: request.method ?? '',
      path: url.pathname.replace('/_matrix/identity/v2', ''),
      authorization: request.headers.authorization ?? '',
      body,
    }
    server.asked.push(question)
    const { status, body: answer } = server.answer ?? respond(question, url)
    response.writeHead(status, { 'content-type': 'application/json', location: 'http://127.0.0.1:1/' })
    response.end(typeof answer === 'string' ? answer : JSON.stringify(answer))
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const { port } = http.address() as AddressInfo

  const refuse = (status: number, errcode: string) => ({ status, body: { errcode, error: errcode } })

  function respond(question: AskedQuestion, url: URL): { status: number; body: unknown } {
    const { method, path, authorization, body } = question
    if (path === '/pubkey/isvalid' || path === '/pubkey/ephemeral/isvalid') {
      const isKnown = [longTerm, ephemeral].some((key) => key.publicKey === url.searchParams.get('public_key'))
      return { status: 200, body: { valid: isKnown && server.keysAreValid } }
    }
    if (path === '/3pid/unbind') return unbind(question)
    if (authorization !== `Bearer ${token}`) return refuse(401, 'M_UNKNOWN_TOKEN')
    switch (`${method} ${path}`) {
      case 'GET /hash_details':
        return { status: 200, body: { lookup_pepper: server.pepper, algorithms: server.algorithms } }
      case 'POST /lookup':
        return lookUp(body)
      case 'POST /3pid/bind':
        if (body.sid !== 'validated' || body.client_secret !== 'secret') return refuse(404, 'M_NO_VALID_SESSION')
        server.bound.set('alice@example.org', String(body.mxid))
        return { status: 200, body: { medium: 'email', address: 'alice@example.org', mxid: body.mxid } }
      case 'POST /store-invite': {
        if (server.bound.has(String(body.address))) return refuse(400, 'M_THREEPID_IN_USE')
        const keys = [
          { public_key: longTerm.publicKey, key_validity_url: `${server.url}/_matrix/identity/v2/pubkey/isvalid` },
          {
            public_key: ephemeral.publicKey,
            key_validity_url: `${server.url}/_matrix/identity/v2/pubkey/ephemeral/isvalid`,
          },
        ]
        return { status: 200, body: { token: `invite${++invites}`, public_keys: keys, display_name: 'b...@e...' } }
      }
      default:
        return refuse(404, 'M_UNRECOGNIZED')
    }
  }

  function lookUp({ algorithm, pepper, addresses }: JsonObject): { status: number; body: unknown } {
    if (pepper !== server.pepper) return refuse(400, 'M_INVALID_PEPPER')
    const mappings: Record<string, string> = {}
    for (const [address, userId] of server.bound) {
      const plain = `${address} email`
      const key = algorithm === 'sha256' ? createHash('sha256').update(`${plain} ${pepper}`).digest('base64url') : plain
      if (Array.isArray(addresses) && addresses.includes(key)) mappings[key] = userId
    }
    return { status: 200, body: { mappings } }
  }

  function unbind({ method, authorization, body }: AskedQuestion): { status: number; body: unknown } {
    const parts = Object.fromEntries(
      [...authorization.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value] as [string, string]),
    )
    const { origin = '', destination, key = '', sig = '' } = parts
    const homeserver = homeservers.get(origin)
    const signed: JsonObject = {
      method,
      uri: '/_matrix/identity/v2/3pid/unbind',
      origin,
      destination: destination ?? '',
      content: body,
      signatures: { [origin]: { [key]: sig } },
    }
    const isRight =
      destination === server.name &&
      String(body.mxid).endsWith(`:${origin}`) &&
      homeserver?.keyId === key &&
      verifyJson(signed, origin, key, homeserver.publicKey)
    if (!isRight) return refuse(403, 'M_FORBIDDEN')
    server.bound.delete(String(Object(body.threepid).address))
    return { status: 200, body: {} }
  }

  const server: TestIdentityServer = {
    name: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}`,
    bound: new Map(),
    asked: [],
    keysAreValid: true,
    algorithms: ['none', 'sha256'],
    pepper: 'matrixrocks',
    answer: undefined,
    sign: (inviteToken, userId, sender) =>
      signJson({ mxid: userId, sender, token: inviteToken }, 'identity.example.org', ephemeral),
    trust: (serverName, keyId, publicKey) => void homeservers.set(serverName, { keyId, publicKey }),
    [Symbol.asyncDispose]: async () => {
      http.closeAllConnections()
      http.close()
      await once(http, 'close')
    },
  }
  return server
}

async function readJson(request: IncomingMessage): Promise<JsonObject> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  return text === '' ? {} : (JSON.parse(text) as JsonObject)
}
