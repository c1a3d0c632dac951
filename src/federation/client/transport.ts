import { lenientCanonicalJson } from '../../matrix/canonical-json.ts'
import type { ServerName } from '../../matrix/ids.ts'
import { authorizationOf } from '../../matrix/request-signature.ts'
import type { SigningKey } from '../../matrix/signing.ts'
import { TimeoutError, withTimeout } from '../../util/async.ts'
import { FetchError } from '../../util/fetch-error.ts'
import type { SafeFetch } from '../../util/safe-fetch.ts'
import type { SafeResponse } from '../../util/safe-response.ts'
import { readAnswer, readRefusal } from './answers.ts'
import type { BackOff } from './back-off.ts'
import type { Discover, ServerRoute } from './discovery/routes.ts'
import type { FederationRequest, FederationTransport } from './ports.ts'

export interface TransportOptions {
  readonly serverName: ServerName
  readonly signingKey: SigningKey
  readonly fetch: SafeFetch
  readonly discover: Discover
  /** Discovers a server anew the next time. */
  readonly forget: (server: ServerName) => void
  readonly backOff: BackOff
  readonly isAllowed: (server: ServerName) => boolean
}

const defaultTimeoutMs = 30_000
const defaultMaxBytes = 10 * 1024 * 1024
const connectTimeoutMs = 5000
const gatewayStatus = new Set([502, 503, 504])

export function createTransport(options: TransportOptions): FederationTransport {
  const { serverName, fetch, discover, backOff, isAllowed } = options

  function refuse({ destination, ignoreBackOff, isAwaited }: FederationRequest): void {
    if (destination === serverName) throw new FetchError('not_allowed', `${destination} is this server itself`)
    if (!isAllowed(destination)) throw new FetchError('not_allowed', `${destination} is not asked, by configuration`)
    const pauseMs = ignoreBackOff ? 0 : backOff.remaining(destination, isAwaited)
    if (pauseMs === 0) return
    throw new FetchError('backing_off', `${destination} has just failed and is asked again in ${pauseMs} ms`)
  }

  /** The first answer that one of the ways to the server gives. `deadline` is in ms of `performance.now()`. */
  async function send(request: FederationRequest, deadline: number): Promise<SafeResponse> {
    const { destination, method, signal } = request
    const body = request.body === undefined ? undefined : lenientCanonicalJson(request.body)
    // As it will stand in the request: parsing encodes some characters.
    const { pathname, search } = new URL(request.path, 'https://server')
    const uri = `${pathname}${search}`
    const claim = { method, uri, origin: serverName, destination }
    const headers = {
      ...(!request.isUnsigned && { authorization: authorizationOf(claim, body, options.signingKey) }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    }
    const { routes } = await within(deadline, discover(destination), signal)
    let failure: unknown = new FetchError('network', `${destination} cannot be found`)
    for (const route of routes) {
      const left = deadline - performance.now()
      if (left <= 0 || signal?.aborted) break
      try {
        return await fetch.fetch(urlOf(route, uri), {
          method,
          timeoutMs: left,
          connectTimeoutMs,
          maxBytes: request.maxBytes ?? defaultMaxBytes,
          maxRedirects: 0,
          isRepeatable: true,
          headers: { host: route.hostHeader, ...headers },
          ...(signal && { signal }),
          ...(route.certificateName !== undefined && { servername: route.certificateName }),
          ...(body !== undefined && { body }),
        })
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  /** An answer of any status, whose server counts as reached or as failing by it. */
  async function exchange(request: FederationRequest): Promise<SafeResponse> {
    refuse(request)
    const { destination, timeoutMs = defaultTimeoutMs } = request
    try {
      return await send(request, performance.now() + timeoutMs)
    } catch (error) {
      if (request.signal?.aborted) throw new FetchError('aborted', `the request to ${destination} was given up`, error)
      backOff.failed(destination)
      options.forget(destination)
      throw error
    }
  }

  async function stream(request: FederationRequest): Promise<SafeResponse> {
    const answer = await exchange(request)
    const { destination } = request
    if (answer.status === 200) {
      backOff.reset(destination)
      return answer
    }
    const refusal = await readRefusal(destination, answer)
    // A proxy says so of the server behind it.
    if (gatewayStatus.has(answer.status) && !refusal.isMatrix) backOff.failed(destination)
    else backOff.reset(destination)
    throw refusal.error
  }

  return {
    request: async (request) => readAnswer(request, await stream(request)),
    stream,
    heardFrom: (server) => backOff.reset(server),
    isAllowed,
  }
}

/** Discoveries are shared, so that one caller who gives up ends none. */
function within<T>(deadline: number, work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return withTimeout(Math.max(1, deadline - performance.now()), () => work, signal).catch((error: unknown) => {
    if (error instanceof TimeoutError) throw new FetchError('timeout', 'a server could not be found in time', error)
    throw error
  })
}

export function urlOf({ host, port }: ServerRoute, uri: string): string {
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}${uri}`
}
