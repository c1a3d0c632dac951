import { lenientCanonicalJson } from '../../matrix/canonical-json.ts'
import type { ServerName } from '../../matrix/ids.ts'
import { authorizationOf } from '../../matrix/request-signature.ts'
import type { SigningKey } from '../../matrix/signing.ts'
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

export function createTransport(options: TransportOptions): FederationTransport {
  const { serverName, fetch, discover, backOff, isAllowed } = options

  function refuse({ destination, ignoreBackOff }: FederationRequest): void {
    if (destination === serverName) throw new FetchError('not_allowed', `${destination} is this server itself`)
    if (!isAllowed(destination)) throw new FetchError('not_allowed', `${destination} is not asked, by configuration`)
    const pauseMs = ignoreBackOff ? 0 : backOff.remaining(destination)
    if (pauseMs === 0) return
    throw new FetchError('backing_off', `${destination} has just failed and is asked again in ${pauseMs} ms`)
  }

  async function send(request: FederationRequest, signal: AbortSignal, deadline: number): Promise<SafeResponse> {
    const body = request.body === undefined ? undefined : lenientCanonicalJson(request.body)
    // As it will stand in the request: parsing encodes some characters.
    const { pathname, search } = new URL(request.path, 'https://server')
    const uri = `${pathname}${search}`
    const authorization = request.isUnsigned
      ? undefined
      : authorizationOf(
          { method: request.method, uri, origin: serverName, destination: request.destination },
          body,
          options.signingKey,
        )
    const { routes } = await orAborted(discover(request.destination), signal)
    let failure: unknown = new FetchError('network', `${request.destination} cannot be found`)
    for (const route of routes) {
      try {
        return await fetch.fetch(urlOf(route, uri), {
          method: request.method,
          signal,
          timeoutMs: Math.max(1, deadline - performance.now()),
          connectTimeoutMs,
          maxBytes: request.maxBytes ?? defaultMaxBytes,
          maxRedirects: 0,
          ...(route.certificateName !== undefined && { servername: route.certificateName }),
          ...(body !== undefined && { body }),
          headers: {
            host: route.hostHeader,
            ...(authorization !== undefined && { authorization }),
            ...(body !== undefined && { 'content-type': 'application/json' }),
          },
        })
      } catch (error) {
        failure = error
        if (signal.aborted) break
      }
    }
    throw failure
  }

  /** An answer of any status, whose server counts as reached or as failing by it. */
  async function exchange(request: FederationRequest): Promise<SafeResponse> {
    refuse(request)
    const { destination, timeoutMs = defaultTimeoutMs } = request
    const deadline = performance.now() + timeoutMs
    const time = AbortSignal.timeout(timeoutMs)
    const signal = request.signal ? AbortSignal.any([request.signal, time]) : time
    try {
      const answer = await send(request, signal, deadline)
      backOff.reset(destination)
      return answer
    } catch (error) {
      if (request.signal?.aborted) throw new FetchError('aborted', `the request to ${destination} was given up`, error)
      backOff.failed(destination)
      options.forget(destination)
      if (time.aborted) throw new FetchError('timeout', `${destination} did not answer in ${timeoutMs} ms`, error)
      throw error
    }
  }

  async function stream(request: FederationRequest): Promise<SafeResponse> {
    const answer = await exchange(request)
    if (answer.status === 200) return answer
    throw await readRefusal(request.destination, answer)
  }

  return {
    request: async (request) => readAnswer(request, await stream(request)),
    stream,
    heardFrom: (server) => backOff.reset(server),
    isAllowed,
  }
}

/** Discoveries are shared, so that one caller who gives up ends none. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

function urlOf({ host, port }: ServerRoute, uri: string): string {
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}${uri}`
}
