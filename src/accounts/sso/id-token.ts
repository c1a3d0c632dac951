import { constants, createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto'
import { z } from 'zod'

/** Why an ID token is not believed. */
export class IdTokenError extends Error {
  override name = 'IdTokenError'
}

export type Claims = Readonly<Record<string, unknown>> & { readonly sub: string }

export interface Expected {
  readonly issuer: string
  readonly clientId: string
  readonly nonce: string
  /** In ms since 1970. */
  readonly now: number
}

interface Algorithm {
  readonly hash: string | null
  readonly keyType: string
  readonly curve?: string
  readonly isPss?: boolean
}

/** Signatures with a key that only the provider has; none with a shared secret, and not `none`. */
const algorithms: Readonly<Record<string, Algorithm>> = {
  RS256: { hash: 'sha256', keyType: 'rsa' },
  RS384: { hash: 'sha384', keyType: 'rsa' },
  RS512: { hash: 'sha512', keyType: 'rsa' },
  PS256: { hash: 'sha256', keyType: 'rsa', isPss: true },
  PS384: { hash: 'sha384', keyType: 'rsa', isPss: true },
  PS512: { hash: 'sha512', keyType: 'rsa', isPss: true },
  ES256: { hash: 'sha256', keyType: 'ec', curve: 'prime256v1' },
  ES384: { hash: 'sha384', keyType: 'ec', curve: 'secp384r1' },
  ES512: { hash: 'sha512', keyType: 'ec', curve: 'secp521r1' },
  EdDSA: { hash: null, keyType: 'ed25519' },
}

/** How far clocks may differ, in seconds. */
const leeway = 300

const headerSchema = z.object({ alg: z.string(), kid: z.string().optional(), crit: z.undefined().optional() })
const claimsSchema = z.looseObject({
  iss: z.string(),
  sub: z.string().min(1).max(255),
  aud: z.union([z.string(), z.array(z.string())]),
  azp: z.string().optional(),
  exp: z.number(),
  iat: z.number(),
  nonce: z.string(),
})

export type Jwk = JsonWebKey & { readonly kid?: string; readonly use?: string; readonly alg?: string }

/** The algorithm and key id that a token names. Throws an `IdTokenError`. */
export function readHeader(token: string): { algorithm: string; keyId: string | undefined } {
  const { alg, kid } = parsePart(token.split('.')[0], headerSchema)
  if (!Object.hasOwn(algorithms, alg)) throw new IdTokenError('the ID token is signed in a way that is not accepted')
  return { algorithm: alg, keyId: kid }
}

/**
 * Checks signature, issuer, audience, times and nonce, and returns the claims. Throws an `IdTokenError`.
 * https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
 */
export function verifyIdToken(token: string, keys: readonly Jwk[], expected: Expected): Claims {
  const parts = token.split('.')
  if (parts.length !== 3) throw new IdTokenError('the ID token does not have three parts')
  const [header = '', payload = '', signature = ''] = parts
  const { algorithm, keyId } = readHeader(token)
  const usable = keys.filter((key) => fits(key, algorithm, keyId))
  const signed = Buffer.from(`${header}.${payload}`)
  if (!usable.some((key) => isSigned(signed, Buffer.from(signature, 'base64url'), key, algorithm))) {
    throw new IdTokenError('no key of the provider signed the ID token')
  }
  const claims = parsePart(payload, claimsSchema)
  const audience = Array.isArray(claims.aud) ? claims.aud : [claims.aud]
  const seconds = expected.now / 1000
  if (claims.iss !== expected.issuer) throw new IdTokenError('the ID token is of another issuer')
  if (!audience.includes(expected.clientId)) throw new IdTokenError('the ID token is for somebody else')
  if (audience.length > 1 && claims.azp === undefined)
    throw new IdTokenError('the ID token does not say whom it is for')
  if (claims.azp !== undefined && claims.azp !== expected.clientId)
    throw new IdTokenError('the ID token is for somebody else')
  if (claims.exp <= seconds - leeway) throw new IdTokenError('the ID token has expired')
  if (claims.iat > seconds + leeway) throw new IdTokenError('the ID token is from the future')
  if (claims.nonce !== expected.nonce) throw new IdTokenError('the ID token belongs to another login')
  return claims
}

function fits(key: Jwk, algorithm: string, keyId: string | undefined): boolean {
  if (key.use !== undefined && key.use !== 'sig') return false
  if (key.alg !== undefined && key.alg !== algorithm) return false
  return keyId === undefined || key.kid === undefined || key.kid === keyId
}

function isSigned(data: Buffer, signature: Buffer, jwk: Jwk, name: string): boolean {
  const algorithm = algorithms[name]
  const key = importKey(jwk)
  if (!algorithm || !key || key.asymmetricKeyType !== algorithm.keyType) return false
  const details = key.asymmetricKeyDetails
  if (algorithm.curve !== undefined && details?.namedCurve !== algorithm.curve) return false
  if (algorithm.keyType === 'rsa' && (details?.modulusLength ?? 0) < 2048) return false
  const padding = algorithm.isPss
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : {}
  return verify(algorithm.hash, data, { key, dsaEncoding: 'ieee-p1363', ...padding }, signature)
}

function importKey(jwk: Jwk): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    // Providers also publish keys of kinds that are not for us.
    return undefined
  }
}

function parsePart<S extends z.ZodType>(part: string | undefined, schema: S): z.output<S> {
  try {
    return schema.parse(JSON.parse(Buffer.from(part ?? '', 'base64url').toString('utf8')))
  } catch (error) {
    throw new IdTokenError('the ID token cannot be read', { cause: error })
  }
}
