import { randomInt as cryptoRandomInt, randomBytes } from 'node:crypto'

const alphanumeric = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** An unguessable URL-safe token of `bytes` random bytes (43 characters for the default 32). */
export function randomToken(bytes = 32): string {
  return randomBytes(bytes).toString('base64url')
}

/** `length` characters drawn evenly from `alphabet` (at most 256 characters of one UTF-16 unit). */
export function randomString(length: number, alphabet = alphanumeric): string {
  const limit = 256 - (256 % alphabet.length)
  let out = ''
  while (out.length < length) {
    for (const byte of randomBytes(length - out.length + 8)) {
      // Bytes past the last whole multiple would favour the first letters.
      if (byte < limit && out.length < length) out += alphabet[byte % alphabet.length]
    }
  }
  return out
}

/** A whole number, `min` included, `max` excluded. */
export function randomInt(min: number, max: number): number {
  return cryptoRandomInt(min, max)
}
