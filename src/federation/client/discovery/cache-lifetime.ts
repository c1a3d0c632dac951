import type { IncomingHttpHeaders } from 'node:http'

const hour = 60 * 60_000
const shortest = hour
const longest = 48 * hour
const usual = 24 * hour

/** For how many ms from `now` an answer may be kept: what its headers say, within 1 to 48 hours; a day where they say nothing. */
export function cacheLifetime(headers: IncomingHttpHeaders, now: number): number {
  return Math.min(Math.max(claimedLifetime(headers, now) ?? usual, shortest), longest)
}

function claimedLifetime(headers: IncomingHttpHeaders, now: number): number | undefined {
  const control = headers['cache-control']?.toLowerCase() ?? ''
  if (/\bno-(?:store|cache)\b/.test(control)) return 0
  const maxAge = /\bmax-age\s*=\s*"?(\d+)/.exec(control)?.[1]
  if (maxAge !== undefined) return Number(maxAge) * 1000
  if (headers.expires === undefined) return undefined
  const expires = Date.parse(headers.expires)
  // An unreadable date is one in the past: https://datatracker.ietf.org/doc/html/rfc9111#section-5.3
  return Number.isNaN(expires) ? 0 : expires - now
}
