import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { randomToken } from '../../src/util/random.ts'

export interface OidcProvider extends AsyncDisposable {
  readonly url: string
  /** The keys of `sso.providers[]` that lead here. */
  readonly config: { id: string; name: string; issuer: string; client_id: string; client_secret: string }
  /** Who is logged in there: the claims. Undefined: the person gives up. */
  person: (Record<string, unknown> & { sub: string }) | undefined
  /** Claims of the ID token that differ from what they should be. */
  lies: Record<string, unknown>
  /** Claims that only the userinfo endpoint tells. */
  hidden: string[]
  /** Metadata that differs. */
  metadata: Record<string, unknown>
  /** Parameters of the last authorization request. */
  readonly asked: URLSearchParams
  readonly requests: string[]
  /** Signs with another key from now on, which is published too. */
  rotateKey(): void
  /** Signs with a key that is not published. */
  forgeKey(): void
  /** Answers the token endpoint with this. */
  tokenAnswer: { status: number; body: unknown } | undefined
}

/** An OpenID Connect provider on the loopback interface that checks what we send as a real one does. */
export async function createOidcProvider(id = 'example'): Promise<OidcProvider> {
  const clientSecret = 'a secret: +/&'
  let key = newKey('1')
  const published = [key]
  const codes = new Map<string, { nonce: string; challenge: string; redirectUri: string }>()

  const http = createServer((request, response) => {
    void respond(request, response).catch((error: unknown) => {
      response.writeHead(400, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ error: 'invalid_request', error_description: String(error) }))
    })
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const { port } = http.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`

  const json = (response: ServerResponse, body: unknown, status = 200) => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  }

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = new URL(request.url ?? '/', url)
    provider.requests.push(target.pathname)
    switch (target.pathname) {
      case '/.well-known/openid-configuration':
        return json(response, {
          issuer: url,
          authorization_endpoint: `${url}/authorize?kept=yes`,
          token_endpoint: `${url}/token`,
          userinfo_endpoint: `${url}/userinfo`,
          jwks_uri: `${url}/jwks`,
          ...provider.metadata,
        })
      case '/jwks':
        return json(response, { keys: published.map(({ jwk }) => jwk) })
      case '/authorize': {
        const asked = target.searchParams
        state.asked = asked
        const back = new URL(asked.get('redirect_uri') ?? '')
        back.searchParams.set('state', asked.get('state') ?? '')
        if (provider.person) {
          const code = randomToken(8)
          codes.set(code, {
            nonce: asked.get('nonce') ?? '',
            challenge: asked.get('code_challenge') ?? '',
            redirectUri: asked.get('redirect_uri') ?? '',
          })
          back.searchParams.set('code', code)
        } else {
          back.searchParams.set('error', 'access_denied')
        }
        response.writeHead(302, { location: back.href })
        response.end()
        return
      }
      case '/token':
        return token(request, response)
      case '/userinfo':
        if (request.headers.authorization !== 'Bearer provider-token') throw new Error('no token')
        return json(response, provider.person)
      default:
        return json(response, {}, 404)
    }
  }

  async function token(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (provider.tokenAnswer) return json(response, provider.tokenAnswer.body, provider.tokenAnswer.status)
    const form = new URLSearchParams(await readText(request))
    const code = codes.get(form.get('code') ?? '')
    codes.delete(form.get('code') ?? '')
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url')
    const encode = (text: string) => new URLSearchParams([['', text]]).toString().slice(1)
    const basic = Buffer.from(`${encode('ringback')}:${encode(clientSecret)}`).toString('base64')
    const isOurs = request.headers.authorization === `Basic ${basic}` || form.get('client_secret') === clientSecret
    if (!code || !isOurs || code.challenge !== challenge || code.redirectUri !== form.get('redirect_uri')) {
      throw new Error('invalid_grant')
    }
    const now = Math.floor(provider.now() / 1000)
    const person = Object.entries(provider.person ?? { sub: '' }).filter(([name]) => !provider.hidden.includes(name))
    const claims = {
      iss: url,
      aud: 'ringback',
      iat: now,
      exp: now + 60,
      nonce: code.nonce,
      ...Object.fromEntries(person),
      ...provider.lies,
    }
    json(response, { access_token: 'provider-token', token_type: 'Bearer', id_token: jwt(claims) })
  }

  function jwt(claims: object): string {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const data = `${part({ alg: 'RS256', kid: key.kid })}.${part(claims)}`
    return `${data}.${sign('sha256', Buffer.from(data), key.privateKey).toString('base64url')}`
  }

  const state = { asked: new URLSearchParams() }
  const provider = {
    url,
    config: { id, name: 'Example & Co', issuer: url, client_id: 'ringback', client_secret: clientSecret },
    person: undefined as OidcProvider['person'],
    lies: {} as Record<string, unknown>,
    hidden: [] as string[],
    metadata: {} as Record<string, unknown>,
    get asked() {
      return state.asked
    },
    requests: [] as string[],
    tokenAnswer: undefined as OidcProvider['tokenAnswer'],
    now: () => Date.now(),
    rotateKey: () => {
      key = newKey(`${published.length + 1}`)
      published.push(key)
    },
    forgeKey: () => {
      key = newKey('1')
    },
    [Symbol.asyncDispose]: async () => {
      http.closeAllConnections()
      http.close()
      await once(http, 'close')
    },
  }
  return provider
}

function newKey(kid: string): { kid: string; privateKey: KeyObject; jwk: object } {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { kid, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' } }
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
