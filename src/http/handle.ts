import type { ZodType } from 'zod'
import type { TimerClock } from '../util/clock.ts'
import type { Log, LogLevel } from '../util/log.ts'
import { type Authenticate, accessTokenOf, authorize, masquerade } from './auth.ts'
import type { ClientAddress } from './client-address.ts'
import type { Endpoint, EndpointResult } from './endpoint.ts'
import { errorReply } from './error-reply.ts'
import { parseBody } from './parse-body.ts'
import { paramNames, paramReader } from './paths.ts'
import { parseQuery, queryCoercer, type RawQuery } from './query.ts'
import { limitRequest, type RateLimiter } from './rate-limit.ts'
import { HttpRequest, type NodeBindings } from './request.ts'
import { respond, statusOf } from './respond.ts'
import { authenticateServer, type ServerAuthentication } from './server-auth.ts'
import { validate } from './validate.ts'
import type { WaitingRequests } from './waiting.ts'

/** What all endpoints of an app share. */
export interface Pipeline {
  readonly authenticate: Authenticate
  /** Needed for endpoints with `auth: 'server'`. */
  readonly servers: ServerAuthentication | undefined
  readonly limiter: RateLimiter
  readonly log: Log
  readonly clock: TimerClock
  readonly accessLogLevel: Exclude<LogLevel, 'silent'>
  readonly allowQueryToken: boolean
  readonly clientAddress: ClientAddress
  readonly isUnlimited: (token: string) => boolean
  readonly waiting: WaitingRequests
  nextRequestId(): string
}

/** A request as the router hands it over. */
export interface Incoming {
  readonly raw: Request
  readonly node: NodeBindings
  /** Path and query as they came. */
  readonly target: string
  /** The raw path that matched. */
  readonly path: string
}

type Handler = (incoming: Incoming) => Promise<Response>

/** Larger bodies need an account, or an endpoint that says so. */
const defaultMaxBody = 4 * 1024 * 1024
const defaultMaxAnonymousBody = 256 * 1024

/** Makes the function that answers requests at one of an endpoint's paths. */
export function compileEndpoint(endpoint: Endpoint, template: string, pipeline: Pipeline): Handler {
  const run = compileRun(endpoint, template, pipeline)
  const anonymous = endpoint.auth === 'none' || endpoint.auth === 'optional'
  const maxBody = endpoint.maxBody ?? (anonymous ? defaultMaxAnonymousBody : defaultMaxBody)
  return async ({ raw, node, target, path }) => {
    const started = performance.now()
    const request = new HttpRequest({
      raw,
      node,
      url: target,
      route: endpoint.path,
      maxBody,
      requestId: pipeline.nextRequestId(),
      log: pipeline.log,
      clock: pipeline.clock,
      waiting: pipeline.waiting,
    })
    let result: EndpointResult
    try {
      result = await run(request, path)
    } catch (error) {
      result = errorReply(error, request.log)
    }
    const response = await respond(result, {
      requestId: request.requestId,
      isHead: request.method === 'HEAD',
      outgoing: node.outgoing,
      onStreamError: (error) => request.log.debug({ err: error }, 'the answer was cut off'),
    })
    request.release()
    logAccess(pipeline, request, statusOf(result), performance.now() - started)
    return response
  }
}

/** The steps of an endpoint: who asks, how often, what with, and then its handler. */
function compileRun(endpoint: Endpoint, template: string, pipeline: Pipeline) {
  const { auth, limit } = endpoint
  const { servers } = pipeline
  if (auth === 'server' && !servers) throw new Error(`nobody authenticates servers for ${endpoint.path}`)
  const readParams = paramReader(template, paramNames(endpoint.path))
  const readQuery = endpoint.query ? compileQuery(endpoint.query) : () => ({})
  /** Application services make their users, and log them in, where tokens are not asked for. */
  const isExempt = (mode: Endpoint['auth'], authorization: string | undefined, query: RawQuery) => {
    const token = mode === 'none' ? accessTokenOf(authorization, query, pipeline.allowQueryToken) : undefined
    return token !== undefined && pipeline.isUnlimited(token)
  }
  return async (request: HttpRequest, path: string): Promise<EndpointResult> => {
    const { headers } = request
    const rawQuery = parseQuery(request.url)
    const forwardedFor = headers['x-forwarded-for']
    request.ip = pipeline.clientAddress(request.incoming, Array.isArray(forwardedFor) ? forwardedFor[0] : forwardedFor)
    if (auth === 'server') {
      if (servers) Object.assign(request, await authenticateServer(request, endpoint, servers))
    } else if (auth !== 'none') {
      request.accessToken = accessTokenOf(headers.authorization, rawQuery, pipeline.allowQueryToken)
      const identify = () =>
        authorize(auth, request.accessToken, pipeline.authenticate, () => ({
          ...masquerade(rawQuery),
          allowLocked: endpoint.allowLocked === true,
          allowExpired: endpoint.allowExpired === true,
          ip: request.ip,
          userAgent: headers['user-agent'],
        }))
      request.requester = await identify()
      request.recheck = async () => void (await identify())
    }
    if (limit && !isExempt(auth, headers.authorization, rawQuery)) {
      limitRequest(pipeline.limiter, limit, request)
    }
    const params = readParams(path)
    request.params = endpoint.params ? validate(endpoint.params, params, 'path') : params
    request.query = readQuery(rawQuery)
    if (endpoint.body) {
      if (auth !== 'server') request.rawBody = parseBody(await request.bytes(), endpoint.strictNumbers === true)
      request.body = validate(endpoint.body, request.rawBody, 'body')
    }
    return endpoint.handle(request)
  }
}

function compileQuery(schema: ZodType) {
  const coerce = queryCoercer(schema)
  return (rawQuery: ReturnType<typeof parseQuery>) => validate(schema, coerce(rawQuery), 'query')
}

/** One line per request: the template instead of the path, so that neither identifiers nor tokens get into the log. */
function logAccess({ log, accessLogLevel }: Pipeline, request: HttpRequest, status: number, ms: number): void {
  if (!log.isLevelEnabled(accessLogLevel)) return
  log[accessLogLevel](
    {
      request: request.requestId,
      method: request.method,
      route: request.route,
      status,
      ms: Math.round(ms * 10) / 10,
      user: request.requester?.userId,
      server: request.origin,
    },
    'request',
  )
}
