import { Hono } from 'hono'
import type { H, RouterRoute } from 'hono/types'
import { errors } from '../matrix/errors.ts'
import { systemClock, type TimerClock } from '../util/clock.ts'
import type { Log, LogLevel } from '../util/log.ts'
import { randomString } from '../util/random.ts'
import type { Authenticate } from './auth.ts'
import { createClientAddress } from './client-address.ts'
import { preflightHeaders } from './cors.ts'
import type { Endpoint, Surface } from './endpoint.ts'
import { errorReply } from './error-reply.ts'
import { compileEndpoint, type Pipeline } from './handle.ts'
import { pathsOf, routingPath, surfaceOf } from './paths.ts'
import type { RateLimiter } from './rate-limit.ts'
import { type Reply, reply } from './reply.ts'
import type { NodeBindings } from './request.ts'
import { respond } from './respond.ts'
import { SegmentRouter } from './router.ts'
import type { ServerAuthentication } from './server-auth.ts'
import { WaitingRequests } from './waiting.ts'

export interface AppOptions {
  readonly endpoints: readonly Endpoint[]
  readonly authenticate: Authenticate
  /** Needed for endpoints with `auth: 'server'`. */
  readonly servers?: ServerAuthentication
  readonly limiter: RateLimiter
  readonly log: Log
  /** Default the system's. */
  readonly clock?: TimerClock
  /** The surfaces that are served; default all. `/health` is served everywhere. */
  readonly serves?: readonly Surface[]
  /** Whether `?access_token=` counts; default true. */
  readonly allowQueryToken?: boolean
  /** Proxies whose `X-Forwarded-For` is believed: addresses or ranges. */
  readonly trustedProxies?: readonly string[]
  /** Whether the bearer of this token may do without limits also where nobody has to be logged in. */
  readonly isUnlimited?: (token: string) => boolean
  /** Level of the line per request; default `info`. */
  readonly accessLogLevel?: Exclude<LogLevel, 'silent'>
}

export interface App {
  readonly log: Log
  fetch(request: Request, bindings?: NodeBindings): Response | Promise<Response>
  /** Aborts the signals of all requests, present and to come, so that long polls answer at once. */
  abortWaiting(): void
}

/** Builds what answers requests for a list of endpoints. Two endpoints for one method and path are an error. */
export function createApp(options: AppOptions): App {
  const waiting = new WaitingRequests()
  const pipeline: Pipeline = {
    authenticate: options.authenticate,
    servers: options.servers,
    limiter: options.limiter,
    log: options.log,
    clock: options.clock ?? systemClock,
    accessLogLevel: options.accessLogLevel ?? 'info',
    allowQueryToken: options.allowQueryToken ?? true,
    clientAddress: createClientAddress(options.trustedProxies),
    isUnlimited: options.isUnlimited ?? (() => false),
    waiting,
    nextRequestId: requestIds(),
  }
  const router = new SegmentRouter<[H, RouterRoute]>()
  const app = new Hono<{ Bindings: NodeBindings }>({
    router,
    getPath: (raw, context) => routingPath(targetOf(raw, context?.env ?? {})),
  })
  for (const endpoint of options.endpoints) {
    if (!isServed(endpoint, options.serves)) continue
    for (const template of pathsOf(endpoint)) {
      const handle = compileEndpoint(endpoint, template, pipeline)
      app.on(endpoint.method, template, (c) => {
        const node = c.env ?? {}
        return handle({ raw: c.req.raw, node, target: targetOf(c.req.raw, node), path: c.req.path })
      })
    }
  }
  const send = (answer: Reply, method: string) =>
    respond(answer, { ...noStream, requestId: pipeline.nextRequestId(), isHead: method === 'HEAD' })
  app.all('*', (c) => {
    if (c.req.method === 'OPTIONS') return preflight()
    return send(unrecognized(router.methodsAt(c.req.path)), c.req.method)
  })
  app.onError((error, c) => send(errorReply(error, options.log), c.req.method))
  return {
    log: options.log,
    fetch: (request, bindings) => app.fetch(request, bindings ?? {}),
    abortWaiting: () => waiting.abortAll(),
  }
}

const noStream = { outgoing: undefined, onStreamError: () => undefined }

function isServed(endpoint: Endpoint, serves: readonly Surface[] | undefined): boolean {
  return !serves || endpoint.path === '/health' || serves.includes(endpoint.surface ?? surfaceOf(endpoint.path))
}

/** The raw path and query: the parsed URL of the request has dot segments and odd characters rewritten. */
function targetOf(raw: Request, node: NodeBindings | undefined): string {
  const target = node?.incoming?.url
  if (target?.startsWith('/')) return target
  const start = raw.url.indexOf('/', raw.url.indexOf('://') + 3)
  return start < 0 ? '/' : raw.url.slice(start)
}

function preflight(): Response {
  return new Response(null, { status: 204, headers: { ...preflightHeaders } })
}

/** https://spec.matrix.org/v1.19/client-server-api/#api-standards: 404 for an unknown path, 405 for a wrong method. */
function unrecognized(methods: readonly string[]): Reply {
  if (methods.length === 0) return reply(404, errors.unrecognized(404).body)
  const allowed = methods.includes('GET') ? [...methods, 'HEAD', 'OPTIONS'] : [...methods, 'OPTIONS']
  return reply(405, errors.unrecognized(405).body, { Allow: allowed.join(', ') })
}

function requestIds(): () => string {
  const prefix = randomString(6)
  let count = 0
  return () => `${prefix}-${++count}`
}
