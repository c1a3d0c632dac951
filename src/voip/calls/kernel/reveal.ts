import { type CallState, legsOf } from './call-state.ts'
import type { Evidence } from './evidence.ts'

/** What belongs to joining a call follows it within this time, in ms. */
export const soon = 10_000

/**
 * In an encrypted room it shows who refers to what: whoever refers to the own membership just after it began rings. Later
 * references are reactions.
 */
export function reveal(call: CallState, e: Evidence): Evidence {
  if (e.what !== 'reference' || (e.by === call.caller && call.ring !== null)) return e
  const isToJoin = legsOf(call).some(
    ({ by, eventId, from }) => by === e.by && eventId === e.target && e.ts - from <= soon,
  )
  return isToJoin ? { ...e, what: 'ring', lifetime: undefined, kind: undefined } : e
}
