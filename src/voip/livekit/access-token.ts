import { createHmac } from 'node:crypto'
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
  return `${signed}.${createHmac('sha256', key.api_secret).update(signed).digest('base64url')}`
}

function part(value: object): string {
  return encodeBase64Url(Buffer.from(JSON.stringify(value)))
}
