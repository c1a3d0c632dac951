import { z } from 'zod'
import type { JsonObject } from '../../matrix/event.ts'
import { FetchError } from '../../util/fetch-error.ts'
import type { SafeFetch } from '../../util/safe-fetch.ts'

/**
 * `delivered`: the gateway took it, and perhaps told that keys are no longer good. `refused`: it will not take this one,
 * now or later. `failed`: it may take it another time.
 */
export type GatewayAnswer =
  | { readonly kind: 'delivered'; readonly rejected: readonly string[] }
  | { readonly kind: 'refused' | 'failed'; readonly reason: string }

/** Sends one notification. Never throws for what a gateway does. */
export type Notify = (url: string, body: JsonObject, signal: AbortSignal) => Promise<GatewayAnswer>

const timeoutMs = 15_000
const maxAnswerBytes = 64 * 1024
/** Statuses by which a server asks to be tried again. */
const passing = new Set([408, 425, 429])

const answer = z.object({ rejected: z.array(z.string()) })

export function createNotify(outbound: Pick<SafeFetch, 'fetch'>): Notify {
  return async (url, body, signal) => {
    try {
      const response = await outbound.fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal,
        timeoutMs,
        maxBytes: maxAnswerBytes,
        // The specification fixes the path: who points elsewhere is no gateway.
        maxRedirects: 0,
      })
      const { status } = response
      if (status >= 200 && status < 300) return { kind: 'delivered', rejected: await readRejected(response) }
      response.discard()
      const isFinal = status >= 400 && status < 500 && !passing.has(status)
      return { kind: isFinal ? 'refused' : 'failed', reason: `HTTP ${status}` }
    } catch (error) {
      if (error instanceof FetchError) return { kind: 'failed', reason: error.failure }
      throw error
    }
  }
}

/** What the answer cannot say in a few bytes of JSON it does not say; the notification has been taken all the same. */
async function readRejected(response: { json(): Promise<unknown> }): Promise<readonly string[]> {
  try {
    const parsed = answer.safeParse(await response.json())
    return parsed.success ? parsed.data.rejected : []
  } catch (error) {
    if (error instanceof FetchError || error instanceof SyntaxError) return []
    throw error
  }
}
