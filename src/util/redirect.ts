import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { SafeRequest } from './safe-request.ts'

const redirectStatus = new Set([301, 302, 303, 307, 308])
const privateHeaders = new Set(['authorization', 'cookie', 'host', 'proxy-authorization'])

/** Where a redirect leads and what is sent there; undefined when the answer is none. */
export function nextHop(
  message: IncomingMessage,
  from: URL,
  request: SafeRequest,
): { url: string; request: SafeRequest } | undefined {
  const { statusCode = 0, headers } = message
  const target = headers.location === undefined ? undefined : URL.parse(headers.location, from.href)
  if (!redirectStatus.has(statusCode) || !target) return undefined
  const { body, servername, headers: sent, ...rest } = request
  const method = request.method ?? 'GET'
  const becomesGet = statusCode === 303 ? method !== 'HEAD' : statusCode < 303 && method === 'POST'
  const sameOrigin = target.origin === from.origin
  const kept: OutgoingHttpHeaders = {}
  for (const [name, value] of Object.entries(sent ?? {})) {
    const lower = name.toLowerCase()
    // Credentials were meant for the first server only.
    if (!sameOrigin && privateHeaders.has(lower)) continue
    if (becomesGet && lower.startsWith('content-')) continue
    kept[name] = value
  }
  const next: SafeRequest = { ...rest, method: becomesGet ? 'GET' : method, headers: kept }
  if (body !== undefined && !becomesGet) next.body = body
  if (servername !== undefined && sameOrigin) next.servername = servername
  return { url: target.href, request: next }
}
