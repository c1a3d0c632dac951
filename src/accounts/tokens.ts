import { createHash } from 'node:crypto'
import { randomString, randomToken } from '../util/random.ts'

/** What a secret is for; the prefix lets people and scanners recognise one that leaked. */
const prefixes = { access: 'rba_', refresh: 'rbr_', login: 'rbl_', openid: 'rbo_' } as const

/** A new secret of 256 random bits. */
export function newToken(kind: keyof typeof prefixes): string {
  return prefixes[kind] + randomToken()
}

/** The form in which secrets are stored: they are random, so that a plain SHA-256 cannot be searched. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}

/** A device id for clients that sent none. */
export function newDeviceId(): string {
  return randomString(10, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')
}
