import { errors } from '../matrix/errors.ts'
import type { Clock } from '../util/clock.ts'
import { networkOf } from '../util/ip.ts'
import { LruMap } from '../util/lru.ts'
import type { AnyRequest, LimitClass, Requester } from './endpoint.ts'

/** A bucket holds `burst` requests and gains `perSecond` of them each second. */
export interface RateLimit {
  readonly perSecond: number
  readonly burst: number
}

export type RateLimits = Readonly<Record<LimitClass, RateLimit>>

/** Generous for people, tight for whoever guesses passwords or makes accounts. */
export const defaultRateLimits: RateLimits = {
  message: { perSecond: 10, burst: 50 },
  login: { perSecond: 0.2, burst: 10 },
  registration: { perSecond: 0.2, burst: 10 },
  membership: { perSecond: 1, burst: 30 },
  profile: { perSecond: 1, burst: 20 },
  lookup: { perSecond: 5, burst: 50 },
  keys: { perSecond: 20, burst: 200 },
  upload: { perSecond: 5, burst: 50 },
  report: { perSecond: 0.2, burst: 20 },
  download: { perSecond: 100, burst: 1000 },
  mail: { perSecond: 0.05, burst: 20 },
  recipient: { perSecond: 0.003, burst: 5 },
  general: { perSecond: 20, burst: 200 },
}

export interface RateLimiter {
  /** Takes one request from the bucket of `key` (a user id, an address, ...), or throws `429 M_LIMIT_EXCEEDED`. */
  take(limitClass: LimitClass, key: string): void
}

const maxBuckets = 50_000

/** Token buckets in memory; those unused for longest are forgotten, which only ever favours the client. */
export function createRateLimiter(
  clock: Clock,
  { enabled = true, limits = {} }: { enabled?: boolean; limits?: Partial<RateLimits> } = {},
): RateLimiter {
  if (!enabled) return { take: () => undefined }
  const rules = { ...defaultRateLimits, ...limits }
  // For each bucket the time at which it will be full again: one number, and no rounding that adds up.
  const fullTimes = new LruMap<string, number>(maxBuckets)
  return {
    take(limitClass, key) {
      const { perSecond, burst } = rules[limitClass]
      const now = clock.now()
      const id = `${limitClass} ${key}`
      const interval = 1000 / perSecond
      const emptyFor = burst * interval
      // A clock that was set back must not lock anybody out for longer than an empty bucket does.
      const fullAt = Math.min(Math.max(fullTimes.get(id) ?? now, now), now + emptyFor) + interval
      if (fullAt - now > emptyFor) throw errors.limitExceeded(fullAt - now - emptyFor)
      fullTimes.set(id, fullAt)
    },
  }
}

/**
 * Limits a request by its user or server, or by its network where nobody is known. Exempt are admins, and application
 * services unless their registration asks for limits.
 */
export function limitRequest(
  limiter: RateLimiter,
  limitClass: LimitClass,
  { requester, origin, ip }: Pick<AnyRequest, 'requester' | 'origin' | 'ip'>,
): void {
  if (requester && isExempt(requester)) return
  limiter.take(limitClass, requester?.userId ?? origin ?? networkOf(ip))
}

function isExempt({ userId, isAdmin, appservice }: Requester): boolean {
  if (!appservice) return isAdmin
  return !appservice.isRateLimited || userId === appservice.senderUserId
}
