import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../util/clock.ts'
import { LruMap } from '../util/lru.ts'
import { randomToken } from '../util/random.ts'

const nonceLifetime = 60_000
const maxNonces = 10_000

export interface SharedSecretRequest {
  readonly nonce: string
  readonly username: string
  readonly password: string
  readonly admin: boolean
  readonly userType: string | undefined
  /** Hexadecimal HMAC-SHA1. */
  readonly mac: string
}

export interface SharedSecret {
  /** A nonce that is good for one registration within a minute. */
  newNonce(): string
  /** Uses the nonce up; false for an unknown one. */
  takeNonce(nonce: string): boolean
  isSigned(secret: string, request: SharedSecretRequest): boolean
}

/** The registration protocol of scripts that know the server's secret. Nonces live in memory: a restart ends them. */
export function createSharedSecret(clock: Clock): SharedSecret {
  const nonces = new LruMap<string, number>(maxNonces)
  return {
    newNonce: () => {
      const nonce = randomToken()
      nonces.set(nonce, clock.now() + nonceLifetime)
      return nonce
    },
    takeNonce: (nonce) => {
      const expires = nonces.get(nonce)
      nonces.delete(nonce)
      return expires !== undefined && expires > clock.now()
    },
    isSigned: (secret, { nonce, username, password, admin, userType, mac }) => {
      const parts = [nonce, username, password, admin ? 'admin' : 'notadmin']
      if (userType !== undefined) parts.push(userType)
      const expected = createHmac('sha1', secret).update(parts.join('\0')).digest()
      const given = Buffer.from(mac, 'hex')
      return given.length === expected.length && timingSafeEqual(given, expected)
    },
  }
}
