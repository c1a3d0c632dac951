import { errors } from '../../matrix/errors.ts'
import { FetchError } from '../../util/fetch-error.ts'
import type { SafeFetch } from '../../util/safe-fetch.ts'
import type { SafeResponse } from '../../util/safe-response.ts'
import { requireAllowedUrl, type UrlRules } from './url-rules.ts'

/** The web as previews see it: only hosts that the rules allow, also behind redirects, within limits of time and size. */
export interface Web {
  /** An answer with status 200 to 299. Throws a `FetchError`, or `M_FORBIDDEN` for what the rules exclude. */
  get(url: URL, options: { accept: string; signal: AbortSignal; maxBytes?: number }): Promise<SafeResponse>
}

const mostRedirects = 5
const requestHeaders = {
  // Many sites tell about themselves only whom they take for a browser or a robot.
  'user-agent': 'Mozilla/5.0 (compatible; Ringback; bot)',
  'accept-language': 'en, *;q=0.5',
  'accept-encoding': 'identity',
}

export function createWeb({ fetch: client, rules }: { fetch: SafeFetch; rules: UrlRules }): Web {
  return {
    get: async (url, { accept, signal, maxBytes = Number.MAX_SAFE_INTEGER }) => {
      const headers = { accept, ...requestHeaders }
      let target = url
      for (let redirects = 0; redirects <= mostRedirects; redirects++) {
        requireAllowedUrl(target, rules)
        const response = await client.fetch(target, { headers, signal, maxBytes, maxRedirects: 0 })
        const { status } = response
        const next = isRedirect(status) ? URL.parse(response.headers.location ?? '', target.href) : null
        if (!next && status >= 200 && status < 300) return response
        response.discard()
        if (!next) throw new FetchError('network', `${target.host} answered with status ${status}`)
        target = next
      }
      throw new FetchError('too_many_redirects', `${url.host} redirects too often`)
    },
  }
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status)
}

/** The beginning of a body, at most `limit` bytes: what comes after it is not waited for. */
export async function readBeginning(response: SafeResponse, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response.body) {
    chunks.push(chunk)
    size += chunk.length
    if (size >= limit) break
  }
  return Buffer.concat(chunks).subarray(0, limit)
}

/** What a client is told about a page that could not be fetched: nothing about our network. */
export const pageUnavailable = () => errors.unknown(502, 'The page could not be fetched')
