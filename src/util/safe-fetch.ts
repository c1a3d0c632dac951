import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as requestHttp,
} from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { createSecureContext } from 'node:tls'
import { FetchError } from './fetch-error.ts'
import { isPublicAddress } from './ip.ts'
import { nextHop } from './redirect.ts'
import { createSafeLookup, type Resolve, requireAllowedHost, systemResolve } from './safe-lookup.ts'
import type { SafeRequest } from './safe-request.ts'
import { createSafeResponse, type SafeResponse } from './safe-response.ts'

export interface SafeFetchSettings {
  /** Lets requests reach our own network. Off for every address that somebody else chose. */
  allowPrivateAddresses: boolean
  /** A rule of one's own instead: whether an IP address may be connected to. */
  isAllowed?: (address: string) => boolean
  /** Certificate authorities in PEM that replace the built-in list. */
  ca?: readonly string[]
  userAgent?: string
  /** Connections to one host at a time; more requests wait for one of them. Unlimited unless given. */
  maxSockets?: number
  resolve?: Resolve
}

export interface SafeFetch {
  /** Sends a request and resolves with the answer of any status as soon as its headers are here; else throws a `FetchError`. */
  fetch(url: string | URL, request?: SafeRequest): Promise<SafeResponse>
  /** Closes idle connections. */
  close(): void
}

/** An HTTP client that cannot be led into our own network, whatever URL, redirect or DNS answer it meets. */
export function createSafeFetch(settings: SafeFetchSettings): SafeFetch {
  const isAllowed = settings.isAllowed ?? (settings.allowPrivateAddresses ? () => true : isPublicAddress)
  const lookup = createSafeLookup(settings.resolve ?? systemResolve, isAllowed)
  const pool = {
    keepAlive: true,
    timeout: 60_000,
    maxFreeSockets: 64,
    maxSockets: settings.maxSockets ?? Infinity,
    lookup,
  }
  const httpAgent = new HttpAgent(pool)
  // Authorities are read once here, and not for each connection.
  const secureContext = settings.ca && createSecureContext({ ca: [...settings.ca] })
  const httpsAgent = new HttpsAgent({ ...pool, ...(secureContext && { secureContext }) })

  function send(url: URL, request: SafeRequest, signal: AbortSignal): Promise<IncomingMessage> {
    requireAllowedHost(url.hostname, isAllowed)
    const { method = 'GET', body, servername } = request
    const defaults = settings.userAgent === undefined ? {} : { 'user-agent': settings.userAgent }
    const headers: OutgoingHttpHeaders = { ...defaults, ...request.headers }
    if (body !== undefined) headers['content-length'] = Buffer.byteLength(body)
    const options = { method, headers, signal, ...(servername === undefined ? {} : { servername }) }
    return new Promise((resolve, reject) => {
      const outgoing =
        url.protocol === 'https:'
          ? requestHttps(url, { ...options, agent: httpsAgent })
          : requestHttp(url, { ...options, agent: httpAgent })
      outgoing.once('response', resolve)
      if (request.connectTimeoutMs !== undefined) limitConnecting(outgoing, url, request.connectTimeoutMs)
      outgoing.once('error', (error: NodeJS.ErrnoException) => {
        // The peer may close an idle connection at the moment we reuse it; the request has then not been looked at.
        const isRepeatable = request.isRepeatable ?? method !== 'POST'
        const retry = error.code === 'ECONNRESET' && outgoing.reusedSocket && isRepeatable && !signal.aborted
        if (retry) send(url, request, signal).then(resolve, reject)
        else reject(error)
      })
      outgoing.end(body)
    })
  }

  async function fetchSafely(target: string | URL, request: SafeRequest = {}): Promise<SafeResponse> {
    const { timeoutMs = 30_000, maxBytes = 10 * 1024 * 1024, maxRedirects = 5 } = request
    let url = parseUrl(target)
    const time = new AbortController()
    const timer = setTimeout(() => time.abort(), timeoutMs)
    const finish = () => clearTimeout(timer)
    const signal = request.signal ? AbortSignal.any([time.signal, request.signal]) : time.signal
    const explain = (error: unknown): FetchError => {
      if (error instanceof FetchError) return error
      if (time.signal.aborted)
        return new FetchError('timeout', `${url.host} did not answer within ${timeoutMs} ms`, error)
      if (request.signal?.aborted) return new FetchError('aborted', `the request to ${url.host} was given up`, error)
      const reason = messageOf(error)
      return new FetchError('network', `the request to ${url.host} failed: ${reason}`, error)
    }
    let hop = request
    try {
      for (let redirects = 0; ; redirects++) {
        const message = await send(url, hop, signal)
        const next = maxRedirects > 0 ? nextHop(message, url, hop) : undefined
        if (!next) return createSafeResponse(message, { url: url.href, maxBytes, finish, explain })
        message.destroy()
        if (redirects >= maxRedirects) throw new FetchError('too_many_redirects', `${url.host} redirects too often`)
        url = parseUrl(next.url)
        hop = next.request
        if (request.secureOnly && url.protocol !== 'https:') {
          throw new FetchError('bad_url', `${url.host} is to be asked without TLS, after a redirect`)
        }
      }
    } catch (error) {
      finish()
      throw explain(error)
    }
  }

  return {
    fetch: fetchSafely,
    close() {
      httpAgent.destroy()
      httpsAgent.destroy()
    },
  }
}

function limitConnecting(outgoing: ClientRequest, url: URL, limitMs: number): void {
  outgoing.once('socket', (socket) => {
    if (!socket.connecting) return
    const timer = setTimeout(() => {
      outgoing.destroy(new FetchError('timeout', `no connection to ${url.host} within ${limitMs} ms`))
    }, limitMs)
    const done = () => clearTimeout(timer)
    socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', done).once('close', done)
  })
}

/** A host with several addresses fails once for each, and then without a message of its own. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join(', ')
  return error instanceof Error ? error.message : String(error)
}

function parseUrl(target: string | URL): URL {
  const url = URL.parse(String(target))
  if (!url) throw new FetchError('bad_url', 'the address is not a URL')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new FetchError('bad_url', `${url.protocol} addresses are not fetched`)
  }
  if (url.username || url.password) throw new FetchError('bad_url', 'the address contains a user name or password')
  return url
}
