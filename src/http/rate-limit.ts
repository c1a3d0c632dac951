import { errors } from '../matrix/errors.ts'
import type { Clock } from '../util/clock.ts'
import { LruMap } from '../util/lru.ts'
import type { LimitClass, Requester } from './endpoint.ts'

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
  general: { perSecond: 20, burst: 200 },
}

export interface RateLimiter {
  /** Takes one request from the bucket of `key` (a user id, an address, ...), or throws `429 M_LIMIT_EXCEEDED`. */
  take(limitClass: LimitClass, key: string): void
}

interface Bucket {
  level: number
  at: number
}

const maxBuckets = 50_000

/** Token buckets in memory; those unused for longest are forgotten, which only ever favours the client. */
export function createRateLimiter(
  clock: Clock,
  { enabled = true, limits = {} }: { enabled?: boolean; limits?: Partial<RateLimits> } = {},
): RateLimiter {
  if (!enabled) return { take: () => undefined }
  const rules = { ...defaultRateLimits, ...limits }
  const buckets = new LruMap<string, Bucket>(maxBuckets)
  return {
    take(limitClass, key) {
      const { perSecond, burst } = rules[limitClass]
      const now = clock.now()
      const id = `${limitClass} ${key}`
      const bucket = buckets.get(id) ?? { level: burst, at: now }
      // A clock that is set back must not empty the bucket.
      bucket.level = Math.min(burst, bucket.level + (Math.max(0, now - bucket.at) / 1000) * perSecond)
      bucket.at = now
      buckets.set(id, bucket)
      if (bucket.level < 1) throw errors.limitExceeded(((1 - bucket.level) / perSecond) * 1000)
      bucket.level -= 1
    },
  }
}

/** Limits a request by its user, or by its address where nobody is logged in. Application services and admins are exempt. */
export function limitRequest(
  limiter: RateLimiter,
  limitClass: LimitClass,
  requester: Requester | undefined,
  ip: string,
): void {
  if (requester?.appservice || requester?.isAdmin) return
  limiter.take(limitClass, requester?.userId ?? ip)
}
