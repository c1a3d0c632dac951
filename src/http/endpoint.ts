import type { IncomingHttpHeaders } from 'node:http'
import type { output, ZodType } from 'zod'
import type { DeviceId, ServerName, UserId } from '../matrix/ids.ts'
import type { JsonFault } from '../matrix/json-parse.ts'
import type { Log } from '../util/log.ts'
import type { Reply } from './reply.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH'

/** The parts of the server that a listener can serve one by one (`listeners[].serves`). */
export type Surface = 'client' | 'federation' | 'media' | 'admin' | 'pages'

/** Classes of the rate limiter; an endpoint without a class is not limited. */
export type LimitClass =
  | 'message'
  | 'login'
  | 'registration'
  | 'membership'
  | 'profile'
  | 'lookup'
  | 'keys'
  | 'upload'
  | 'mail'
  | 'recipient'
  | 'report'
  | 'download'
  | 'general'

/** An application service as the authentication sees it: what it may act for is decided by the accounts feature. */
export interface AppserviceIdentity {
  readonly id: string
  readonly senderUserId: UserId
  /** Limit the users that it acts for like all others; its own user is always exempt. */
  readonly isRateLimited?: boolean
  /** Whether this is one of its users. */
  isInterestedIn(userId: UserId): boolean
}

/** Who makes the request. `sessionId` is our number of the session, absent for application services. */
export interface Requester {
  readonly userId: UserId
  readonly deviceId: DeviceId | undefined
  readonly sessionId: number | undefined
  readonly isGuest: boolean
  readonly isAdmin: boolean
  readonly appservice?: AppserviceIdentity
  /** When the account ends, in ms since 1970; undefined: it does not. */
  readonly endsTs?: number
}

/**
 * `none`: tokens are not looked at. `optional`: without a token the requester is undefined, a bad token is an error.
 * `user`: a token of a full account or an application service. `user-or-guest`: guests too.
 * `appservice`: an application service's own token. `admin`: a server administrator, else 403.
 * `server`: another server that signed the request, see `origin`; its body is read first and must be JSON.
 */
export type AuthMode = 'none' | 'optional' | 'user' | 'user-or-guest' | 'appservice' | 'admin' | 'server'

type RequesterFor<A extends AuthMode> = A extends 'none' | 'server'
  ? undefined
  : A extends 'optional'
    ? Requester | undefined
    : A extends 'appservice'
      ? Requester & { readonly appservice: AppserviceIdentity }
      : Requester

type OriginFor<A extends AuthMode> = A extends 'server' ? ServerName : undefined

type ParamName<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParamName<Rest>
  : never

/** The path parameters of a template, decoded. */
export type PathParams<Path extends string> = { readonly [K in ParamName<Path>]: string }

type Parsed<S, Otherwise> = S extends ZodType ? output<S> : Otherwise

/** What every request offers, whatever its schemas are. */
export interface RequestBase {
  readonly method: string
  /** The template that matched, for logs: it holds no identifiers. */
  readonly route: string
  /** The path and query as they came. Holds identifiers and perhaps a token: never log it. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  /** The client's address; from `X-Forwarded-For` where the listener trusts its proxy. */
  readonly ip: string
  readonly requestId: string
  readonly log: Log
  /** Aborts when the client goes away or the server stops. */
  readonly signal: AbortSignal
  /** The access token that was sent, for logout and the like. */
  readonly accessToken: string | undefined
  /** Throws where the requester would be turned away by now: logged out or locked while the request waited. */
  recheck(): Promise<void>
  /** The JSON body before its schema, unknown keys included; `{}` where the body was empty. Only with a `body` schema. */
  readonly rawBody: unknown
  /** Where another server's body is not canonical, as events since room version 6 must be: `path` is such as `['pdus', 3]`. */
  readonly faults: readonly JsonFault[]
  /** Reads the whole body, at most the endpoint's limit, else `413 M_TOO_LARGE`. Only without a `body` schema. */
  bytes(): Promise<Uint8Array>
  /** Reads an HTML form's body (`application/x-www-form-urlencoded`). Only without a `body` schema. */
  form(): Promise<URLSearchParams>
  /**
   * The body as it arrives; it fails with `413 M_TOO_LARGE` at the endpoint's limit. A piece is gone when the next is asked for: copy what
   * must stay. Only without a `body` schema.
   */
  pieces(): AsyncIterable<Uint8Array>
}

export interface EndpointRequest<Params, Query, Body, Who, Origin = undefined> extends RequestBase {
  readonly params: Params
  readonly query: Query
  readonly body: Body
  readonly requester: Who
  /** The server that signed the request, with `auth: 'server'`. */
  readonly origin: Origin
}

/** A request with nothing known about its schemas. */
export type AnyRequest = EndpointRequest<unknown, unknown, unknown, Requester | undefined, ServerName | undefined>

/** A JSON object or array for `200`, or a `reply(...)`. */
export type EndpointResult = object | Reply

interface EndpointOptions<M extends Method, Path extends string, A extends AuthMode, P, Q, B> {
  readonly method: M
  /** As the specification writes it: `/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}`. */
  readonly path: Path
  readonly auth: A
  readonly limit?: LimitClass
  /** Without a schema the decoded strings of the path. A key that fails is `400 M_INVALID_PARAM`. */
  readonly params?: P
  /** Unknown keys are ignored. Values are strings, or become numbers, booleans and arrays where the schema of the key says so. */
  readonly query?: Q
  /** JSON body, whatever its Content-Type; empty counts as `{}`. Without a schema the body is left to the handler. */
  readonly body?: B
  /** More paths with the same parameters, such as unstable ones. `/r0/` forms of `/v3/` paths come by themselves. */
  readonly also?: readonly string[]
  /** Refuses floats, integers beyond 2^53-1 and duplicate keys in the body: for event content. */
  readonly strictNumbers?: boolean
  /** Largest body in bytes, when it differs from the app's default. */
  readonly maxBody?: number
  /** Default: by the path (`/_matrix/media` and `/_matrix/client/v1/media`, `/_matrix/federation`, `/_synapse/admin`, ...). */
  readonly surface?: Surface
  /** A locked account may still use this (logout). */
  readonly allowLocked?: boolean
  /** An account whose time is over may still use this (logout, renewal). */
  readonly allowExpired?: boolean
  /** Link to the specification's section. */
  readonly spec?: string
}

/** An endpoint with its types erased, as the router holds it. */
export interface Endpoint
  extends EndpointOptions<Method, string, AuthMode, ZodType | undefined, ZodType | undefined, ZodType | undefined> {
  handle(request: AnyRequest): Promise<EndpointResult> | EndpointResult
}

/** Declares an endpoint: its handler sees a request that is typed from the path template and the schemas. */
export function endpoint<
  M extends Method,
  const Path extends string,
  A extends AuthMode,
  P extends ZodType | undefined = undefined,
  Q extends ZodType | undefined = undefined,
  B extends ZodType | undefined = undefined,
>(
  options: EndpointOptions<M, Path, A, P, Q, B>,
  handler: (
    request: EndpointRequest<
      Parsed<P, PathParams<Path>>,
      Parsed<Q, Record<string, never>>,
      Parsed<B, undefined>,
      RequesterFor<A>,
      OriginFor<A>
    >,
  ) => Promise<EndpointResult> | EndpointResult,
): Endpoint {
  // The app builds each request with the same schemas that typed the handler.
  return { ...options, handle: handler as Endpoint['handle'] }
}
