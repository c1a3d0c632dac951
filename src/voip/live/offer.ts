import type { IncomingHttpHeaders } from 'node:http'
import { accessTokenOf } from '../../http/auth.ts'
import { errors } from '../../matrix/errors.ts'

/** The only subprotocol that is spoken, and the one in which browsers send their token, as they cannot set headers. */
export const liveProtocol = 'ringback.live.v1'
const bearer = 'bearer.'

/** The access token of a socket to be; never from the address, which proxies log. */
export function tokenOfSocket(headers: IncomingHttpHeaders): string | undefined {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim())
  const inProtocol = offered.find((protocol) => protocol.startsWith(bearer))?.slice(bearer.length)
  return accessTokenOf(headers.authorization, {}, false) ?? (inProtocol || undefined)
}

/** Where a socket starts: at the present, at the present and told where that is, or after a position. */
export type LiveStart = 'present' | 'now' | number

/** Reads `?from=`; throws `400 M_INVALID_PARAM`. */
export function liveStartOf(from: string | undefined): LiveStart {
  if (from === undefined || from === '') return 'present'
  if (from === 'now') return 'now'
  if (/^\d{1,15}$/.test(from)) return Number(from)
  throw errors.invalidParam('from must be the pos of a frame, or now')
}
