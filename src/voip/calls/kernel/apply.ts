import { applyInvite, applyReply } from './apply-legacy.ts'
import { applyGone, applyPresent, closeLegs } from './apply-legs.ts'
import type { CallState, Timings } from './call-state.ts'
import type { Decline, Evidence, Redacted, Reference, Ring, Sealed } from './evidence.ts'
import { soon } from './reveal.ts'

export const earliest = (known: number | null, ts: number): number => (known === null ? ts : Math.min(known, ts))

/** The call with one more thing known. Knowing the same twice changes nothing. */
export function apply(call: CallState, evidence: Evidence, timings: Timings): CallState {
  // A remote clock cannot place something before the beginning.
  const e = evidence.ts < call.openedTs ? { ...evidence, ts: call.openedTs } : evidence
  if (e.what !== 'redacted' && call.services.includes(e.by)) return call
  switch (e.what) {
    case 'invite':
      return applyInvite(call, e)
    case 'answer':
    case 'select':
    case 'reject':
    case 'hangup':
      return applyReply(call, e)
    case 'present':
      return applyPresent(call, e, timings)
    case 'gone':
      return applyGone(call, e)
    case 'ring':
      return applyRing(call, e)
    case 'decline':
    // All that is known of it is what it refers to.
    case 'reference':
      return applyDecline(call, e)
    case 'sealed':
      return applySealed(call, e)
    case 'out':
      return applyOut(call, e.by, e.ts)
    case 'redacted':
      return applyRedacted(call, e)
  }
}

function applyRing(call: CallState, e: Ring): CallState {
  if (e.by !== call.caller || call.ring !== null) return call
  const ring = { eventId: e.eventId, ts: e.ts, lifetime: e.lifetime ?? null }
  // Only who comes first rings: others that seemed to be there were left behind by clients that were killed.
  const there = Object.entries(call.legs).filter(([, leg]) => leg.by === e.by || leg.from >= call.openedTs)
  return { ...call, ring, kind: call.kind ?? e.kind ?? null, legs: Object.fromEntries(there) }
}

function applyDecline(call: CallState, e: Decline | Reference): CallState {
  if (call.callee !== e.by || call.ring?.eventId !== e.target) return call
  return { ...call, declinedTs: earliest(call.declinedTs, e.ts) }
}

function applySealed(call: CallState, e: Sealed): CallState {
  const found = Object.entries(call.legs).find(
    ([, leg]) => leg.by === e.by && leg.eventId === undefined && e.ts - leg.from <= soon,
  )
  if (found === undefined) return call
  const [key, leg] = found
  return { ...call, legs: { ...call.legs, [key]: { ...leg, eventId: e.eventId } } }
}

function applyOut(call: CallState, by: string, ts: number): CallState {
  const gone = closeLegs(call, ts, (leg) => leg.by === by)
  if (call.callee === by) return { ...gone, outTs: earliest(call.outTs, ts) }
  if (call.caller !== by) return gone
  const invites = gone.invites.map((invite) => ({ ...invite, goneTs: invite.goneTs ?? ts }))
  // They could leave no note in a room in which they are not.
  return { ...gone, invites, isEligible: false }
}

function applyRedacted(call: CallState, { eventId, ts }: Redacted): CallState {
  const isInvite = call.invites.some((invite) => invite.eventId === eventId && invite.by === call.caller)
  if (isInvite || call.ring?.eventId === eventId) return { ...call, redactedTs: earliest(call.redactedTs, ts) }
  return closeLegs(call, ts, (leg) => (leg.latestId ?? leg.eventId) === eventId)
}
