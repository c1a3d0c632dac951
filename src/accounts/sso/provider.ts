import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { SsoProviderConfig } from '../../config/schema-sso.ts'
import type { Clock } from '../../util/clock.ts'
import { FetchError } from '../../util/fetch-error.ts'
import type { SafeFetch } from '../../util/safe-fetch.ts'
import type { SafeRequest } from '../../util/safe-request.ts'
import { type Claims, type Jwk, readHeader, verifyIdToken } from './id-token.ts'

/** The provider did not do its part; the message is for the log. */
export class ProviderError extends Error {
  override name = 'ProviderError'
}

/** What one login carries from its beginning to its end. */
export interface LoginSecrets {
  readonly state: string
  readonly nonce: string
  /** https://www.rfc-editor.org/rfc/rfc7636 */
  readonly verifier: string
}

/** An OpenID Connect provider of the configuration. Throws a `ProviderError` where it cannot be used. */
export interface Provider {
  readonly config: SsoProviderConfig
  /** Where a browser begins a login. */
  authorizationUrl(secrets: LoginSecrets, redirectUri: string, wantsAccount: boolean): Promise<string>
  /** Who came back from there. Throws an `IdTokenError` too. */
  claims(code: string, secrets: LoginSecrets, redirectUri: string): Promise<Claims>
}

const address = z.string().refine((value) => /^https?:$/.test(URL.parse(value)?.protocol ?? ''))
const metadataSchema = z.object({
  issuer: z.string(),
  authorization_endpoint: address,
  token_endpoint: address,
  userinfo_endpoint: address.optional(),
  jwks_uri: address,
  token_endpoint_auth_methods_supported: z.array(z.string()).optional(),
  prompt_values_supported: z.array(z.string()).optional(),
})
const tokenSchema = z.object({ id_token: z.string(), access_token: z.string().optional() })
const jwksSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(100) })

/** How long what a provider says of itself is remembered, in ms. */
const freshness = 3_600_000
/** An unknown key makes us look again, but not more often than this, in ms. */
const keyPatience = 60_000

export function createProvider(
  config: SsoProviderConfig,
  { fetch, clock }: { fetch: SafeFetch; clock: Clock },
): Provider {
  const { issuer, client_id: clientId, client_secret: clientSecret } = config

  async function get<S extends z.ZodType>(url: string, schema: S, request: SafeRequest = {}): Promise<z.output<S>> {
    try {
      const headers = { accept: 'application/json', ...request.headers }
      const response = await fetch.fetch(url, {
        timeoutMs: 10_000,
        maxBytes: 256 * 1024,
        maxRedirects: 0,
        ...request,
        headers,
      })
      const body = await response.json()
      if (response.status !== 200) throw new ProviderError(`${new URL(url).host} answered ${response.status}`)
      return schema.parse(body)
    } catch (error) {
      if (error instanceof ProviderError) throw error
      const isTheirs = error instanceof FetchError || error instanceof SyntaxError || error instanceof z.ZodError
      if (isTheirs) throw new ProviderError(`${new URL(url).host} gave no usable answer`, { cause: error })
      throw error
    }
  }

  const metadata = remembered(clock, freshness, async () => {
    const found = await get(`${issuer}/.well-known/openid-configuration`, metadataSchema)
    // Some say their issuer with a slash at the end.
    if (found.issuer.replace(/\/+$/, '') !== issuer) throw new ProviderError('the provider says that it is another')
    return found
  })
  const jwks = remembered(clock, freshness, async () => {
    const { keys } = await get((await metadata.get()).jwks_uri, jwksSchema)
    return keys as Jwk[]
  })

  /** The keys, read anew where none of them is the one that a token names. */
  async function keysFor(token: string): Promise<readonly Jwk[]> {
    const { keyId } = readHeader(token)
    const keys = await jwks.get()
    if (keyId === undefined || keys.some(({ kid }) => kid === keyId)) return keys
    return jwks.get(keyPatience)
  }

  async function exchange(code: string, verifier: string, redirectUri: string) {
    const { token_endpoint: url, token_endpoint_auth_methods_supported: methods } = await metadata.get()
    const form = new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
      client_id: clientId,
    })
    const headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded' }
    const inBody = methods !== undefined && !methods.includes('client_secret_basic')
    if (clientSecret !== undefined && inBody) form.set('client_secret', clientSecret)
    else if (clientSecret !== undefined) headers.authorization = `Basic ${basic(clientId, clientSecret)}`
    return get(url, tokenSchema, { method: 'POST', headers, body: form.toString() })
  }

  /** Claims that the ID token leaves out may stand in the answer of this endpoint. */
  async function withUserInfo(claims: Claims, accessToken: string | undefined): Promise<Claims> {
    const wanted = [config.localpart_claim, config.display_name_claim, config.email_claim]
    const { userinfo_endpoint: url } = await metadata.get()
    if (accessToken === undefined || url === undefined || wanted.every((name) => claims[name] !== undefined))
      return claims
    const more = await get(url, z.looseObject({ sub: z.string() }), {
      headers: { authorization: `Bearer ${accessToken}` },
    })
    if (more.sub !== claims.sub) throw new ProviderError('the provider tells of somebody else')
    return { ...more, ...claims }
  }

  return {
    config,
    authorizationUrl: async ({ state, nonce, verifier }, redirectUri, wantsAccount) => {
      const { authorization_endpoint: endpoint, prompt_values_supported: prompts } = await metadata.get()
      const url = new URL(endpoint)
      const parameters = {
        response_type: 'code',
        client_id: clientId,
        redirect_uri: redirectUri,
        scope: config.scopes.join(' '),
        state,
        nonce,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        ...(wantsAccount && prompts?.includes('create') && { prompt: 'create' }),
      }
      for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
      return url.href
    },
    claims: async (code, { nonce, verifier }, redirectUri) => {
      const { id_token: idToken, access_token: accessToken } = await exchange(code, verifier, redirectUri)
      const expected = { issuer: (await metadata.get()).issuer, clientId, nonce, now: clock.now() }
      const claims = verifyIdToken(idToken, await keysFor(idToken), expected)
      return withUserInfo(claims, accessToken)
    },
  }
}

/** Keeps what `load` found for a while; a failure is not kept. */
function remembered<T>(clock: Clock, lifetime: number, load: () => Promise<T>) {
  let known: { value: Promise<T>; at: number } | undefined
  return {
    get: (maxAge = lifetime): Promise<T> => {
      if (known && clock.now() - known.at < maxAge) return known.value
      const loading = { value: load(), at: clock.now() }
      known = loading
      loading.value.catch(() => {
        if (known === loading) known = undefined
      })
      return loading.value
    },
  }
}

/** https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1 */
function basic(user: string, password: string): string {
  const encode = (text: string) => new URLSearchParams([['', text]]).toString().slice(1)
  return Buffer.from(`${encode(user)}:${encode(password)}`).toString('base64')
}
