import type { Evidence } from '../kernel/evidence.ts'
import { readEvent } from './read-event.ts'
import type { SeenEvent } from './seen-event.ts'

/** In ms: what comes later is history, or from a clock that is wrong. */
export const freshFor = 60_000

/** The others can be told from what was long ago by what they name, or cannot bring anybody into a call. */
const heldToTime: ReadonlySet<Evidence['what']> = new Set(['invite', 'present', 'ring', 'reference', 'sealed'])

/** An answer counts from when it was given, though the caller may have hung up when it comes. All else counts from now. */
const isLikelyLate: ReadonlySet<Evidence['what']> = new Set(['present', 'answer'])

/** What a new event says at the time `now` about a call; `ts` of the events is what their senders say. */
export function observe(event: SeenEvent, before: SeenEvent | undefined, now: number): Evidence | undefined {
  const isFresh = Math.abs(event.ts - now) <= freshFor
  const evidence = readEvent({ ...event, ts: isFresh ? Math.min(event.ts, now) : now }, before)
  if (evidence === undefined || (!isFresh && heldToTime.has(evidence.what))) return undefined
  return isLikelyLate.has(evidence.what) ? evidence : { ...evidence, ts: now }
}
