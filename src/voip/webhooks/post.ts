import type { Clock } from '../../util/clock.ts'
import type { SafeFetch } from '../../util/safe-fetch.ts'
import { signatureOf } from './signature.ts'

export interface WebhookPost {
  readonly url: string
  /** Undefined: not signed. */
  readonly secret: string | undefined
  readonly id: string
  readonly event: string
  /** JSON. */
  readonly body: string
}

const timeoutMs = 15_000
const maxAnswerBytes = 16 * 1024

/** Posts an event; throws unless the receiver takes it, which it says with any status of 200 to 299. */
export function createPost({ outbound, clock }: { outbound: Pick<SafeFetch, 'fetch'>; clock: Clock }) {
  return async ({ url, secret, id, event, body }: WebhookPost, signal: AbortSignal): Promise<void> => {
    const timestamp = Math.floor(clock.now() / 1000)
    const response = await outbound.fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'ringback-event': event,
        'ringback-event-id': id,
        'ringback-timestamp': String(timestamp),
        ...(secret !== undefined && { 'ringback-signature': signatureOf(secret, timestamp, body) }),
      },
      body,
      signal,
      timeoutMs,
      maxBytes: maxAnswerBytes,
      // The administrator wrote the address, and no other gets what is private.
      maxRedirects: 0,
    })
    response.discard()
    if (response.status < 200 || response.status > 299) throw new Error(`the webhook answered HTTP ${response.status}`)
  }
}
