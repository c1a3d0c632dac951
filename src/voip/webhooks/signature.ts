import { createHmac } from 'node:crypto'

/** `v1=` and the HMAC-SHA256, in hex, of the time in seconds, a dot, and the body as it is sent. */
export function signatureOf(secret: string, timestamp: number, body: string): string {
  return `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`
}
