import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { encodeBase64Url } from '../../matrix/base64.ts'
import type { JsonObject } from '../../matrix/event.ts'

export interface LivekitKey {
  readonly api_key: string
  readonly api_secret: string
}

export interface Grant {
  /** Who takes part; nobody for requests of this server itself. */
  readonly identity?: string
  readonly video: JsonObject
  readonly lifetimeMs: number
}

/** A JSON Web Token by which LiveKit knows who may do what. `now` is in ms. https://docs.livekit.io/home/get-started/authentication/ */
export function signAccessToken(key: LivekitKey, { identity, video, lifetimeMs }: Grant, now: number): string {
  const claims = {
    iss: key.api_key,
    ...(identity !== undefined && { sub: identity }),
    nbf: Math.floor(now / 1000),
    exp: Math.floor((now + lifetimeMs) / 1000),
    video,
  }
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`
  return `${signed}.${macOf(key, signed).toString('base64url')}`
}

const header = z.object({ alg: z.literal('HS256') })
const webhookClaims = z.object({ iss: z.string(), nbf: z.number().optional(), exp: z.number(), sha256: z.string() })
/** How far clocks may differ. */
const leewayMs = 60_000

/** The Base64 of the SHA-256 of the body to which a token of LiveKit itself belongs; undefined where it is none that holds now, in ms. */
export function bodyHashOf(key: LivekitKey, token: string, now: number): string | undefined {
  const [head, body, mac, ...rest] = token.split('.')
  if (head === undefined || body === undefined || mac === undefined || rest.length > 0) return undefined
  const given = Buffer.from(mac, 'base64url')
  const expected = macOf(key, `${head}.${body}`)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
  if (!header.safeParse(readPart(head)).success) return undefined
  const claims = webhookClaims.safeParse(readPart(body)).data
  if (claims === undefined || claims.iss !== key.api_key) return undefined
  const isTimely = (claims.nbf ?? 0) * 1000 - leewayMs <= now && now < claims.exp * 1000 + leewayMs
  return isTimely ? claims.sha256 : undefined
}

function macOf(key: LivekitKey, signed: string): Buffer {
  return createHmac('sha256', key.api_secret).update(signed).digest()
}

function readPart(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}

function part(value: object): string {
  return encodeBase64Url(Buffer.from(JSON.stringify(value)))
}
