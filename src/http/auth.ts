import { errors } from '../matrix/errors.ts'
import type { AuthMode, Requester } from './endpoint.ts'
import { firstValue, type RawQuery } from './query.ts'

export interface AuthenticateOptions {
  /** `?user_id=`: whom an application service acts for. */
  readonly userIdParam: string | undefined
  /** `?device_id=`: as which device. */
  readonly deviceIdParam: string | undefined
  /** The endpoint also serves locked accounts. */
  readonly allowLocked: boolean
  /** The endpoint also serves accounts whose time is over. */
  readonly allowExpired: boolean
  readonly ip: string
  readonly userAgent: string | undefined
}

/** Says whose token this is; throws `M_UNKNOWN_TOKEN`, `M_USER_LOCKED`, `ORG_MATRIX_EXPIRED_ACCOUNT` or, for application services, `M_FORBIDDEN`. */
export type Authenticate = (token: string, options: AuthenticateOptions) => Promise<Requester> | Requester

const bearer = /^bearer +([^\s]+)\s*$/i

/** The access token of a request: from the header, or from the query where that is allowed. */
export function accessTokenOf(
  authorization: string | undefined,
  query: RawQuery,
  allowQueryToken: boolean,
): string | undefined {
  const fromHeader = authorization === undefined ? undefined : bearer.exec(authorization)?.[1]
  if (fromHeader !== undefined) return fromHeader
  return (allowQueryToken && firstValue(query, 'access_token')) || undefined
}

/** Finds out who asks and whether an endpoint of this kind is open to them. */
export async function authorize(
  mode: Exclude<AuthMode, 'server'>,
  token: string | undefined,
  authenticate: Authenticate,
  options: () => AuthenticateOptions,
): Promise<Requester | undefined> {
  if (mode === 'none') return undefined
  if (token === undefined) {
    if (mode === 'optional') return undefined
    throw errors.missingToken()
  }
  const requester = await authenticate(token, options())
  if (requester.isGuest && (mode === 'user' || mode === 'admin')) throw errors.guestAccessForbidden()
  if (mode === 'appservice' && !requester.appservice) throw errors.forbidden('Only application services may do that')
  if (mode === 'admin' && !requester.isAdmin) throw errors.forbidden('Only server administrators may do that')
  return requester
}

/** The identity parameters of application services, stable and unstable. */
export function masquerade(query: RawQuery): Pick<AuthenticateOptions, 'userIdParam' | 'deviceIdParam'> {
  return {
    userIdParam: firstValue(query, 'user_id'),
    deviceIdParam: firstValue(query, 'device_id') ?? firstValue(query, 'org.matrix.msc3202.device_id'),
  }
}
