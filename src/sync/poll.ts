import type { Requester } from '../http/endpoint.ts'
import type { Clock } from '../util/clock.ts'
import type { Waiters } from './waiters.ts'

export interface PollRequest {
  readonly requester: Requester
  /** How long to wait for something new, in ms. */
  readonly timeout: number
  /** Throws where the requester has been logged out or locked, or their account ended, while the request waited. */
  readonly recheck: () => Promise<void>
  readonly signal: AbortSignal
}

/**
 * Looks, and looks again whenever something may be new for the user, until there is news or time is up. Resolves with the
 * last look. With `isOnce` one look suffices whatever it sees.
 */
export async function poll<Look extends { readonly hasNews: boolean }>(
  { clock, waiters }: { clock: Clock; waiters: Waiters },
  { requester, timeout, recheck, signal }: PollRequest,
  look: () => Promise<Look>,
  isOnce: boolean,
): Promise<Look> {
  const deadline = Math.min(clock.now() + timeout, requester.endsTs ?? Number.POSITIVE_INFINITY)
  const watch = waiters.watch(requester.userId)
  try {
    for (;;) {
      const seen = await look()
      const left = deadline - clock.now()
      if (seen.hasNews || isOnce || left <= 0 || signal.aborted) return seen
      const woken = await watch.wait(left, signal)
      await recheck()
      if (!woken) return seen
    }
  } finally {
    watch.stop()
  }
}
