import { type CallState, isOpenLeg, type Leg, legsOf, type Timings } from './call-state.ts'
import { firstEnding } from './endings.ts'
import type { Evidence, Invite, Opening, Present, Ring } from './evidence.ts'
import { longestRing } from './judge.ts'

/** The call that goes on in a room: it rings, is talked in, or somebody still is in it. */
export interface LiveCall {
  readonly state: CallState
  readonly hasEnded: boolean
}

export type Route =
  | { readonly to: 'nothing' }
  | { readonly to: 'live' }
  /** It begins a call, in which others are already. */
  | { readonly to: 'new'; readonly opening: Opening; readonly legs: CallState['legs'] }

const nothing: Route = { to: 'nothing' }
const live: Route = { to: 'live' }

/** Which call a piece of evidence belongs to: the one that goes on in its room, or one that begins with it. */
export function routeOf(call: LiveCall | undefined, e: Evidence, timings: Timings): Route {
  if (e.what !== 'invite' && e.what !== 'present' && e.what !== 'ring') return call === undefined ? nothing : live
  if (call === undefined) return e.what === 'present' && !e.isFresh ? nothing : { to: 'new', opening: e, legs: {} }
  switch (e.what) {
    case 'invite':
      return routeInvite(call, e, timings)
    case 'present':
      return routePresent(call, e)
    case 'ring':
      return routeRing(call, e, timings)
  }
}

const openLegs = (state: CallState, now: number, isMeant: (leg: Leg) => boolean): CallState['legs'] =>
  Object.fromEntries(Object.entries(state.legs).filter(([, leg]) => isOpenLeg(leg, now) && isMeant(leg)))

function routeInvite({ state }: LiveCall, e: Invite, timings: Timings): Route {
  if (state.invites.some(({ callId }) => callId === e.callId)) return nothing
  // Who is in a call of the other kind, or was left behind there, has to answer this one all the same.
  const opens: Route = { to: 'new', opening: e, legs: {} }
  if (state.decision !== null || e.ts - state.openedTs > longestRing) return opens
  // Clients that know both ways to call may use both at once; calling back, or once more, is another call.
  const hasGivenUp = firstEnding(state, timings) !== undefined
  return hasGivenUp && !(e.by === state.caller && state.invites.length === 0) ? opens : live
}

function routePresent({ state, hasEnded }: LiveCall, e: Present): Route {
  if (state.decision === null || !e.isFresh) return live
  const leg = Object.hasOwn(state.legs, e.leg) ? state.legs[e.leg] : undefined
  const own = legsOf(state).filter((other) => other.by === e.by && isOpenLeg(other, e.ts))
  const others = legsOf(state).some((other) => other.by !== e.by && isOpenLeg(other, e.ts))
  const isTalk = state.decision.outcome === 'answered' && !hasEnded
  if (others && isTalk) return live
  // Left behind by a client that was killed: the same device comes again, with nobody there.
  const isGhost = leg?.session !== undefined && e.session !== undefined && leg.session !== e.session
  if (own.length > 0 && !(isGhost && own.length === 1)) return live
  return { to: 'new', opening: e, legs: openLegs(state, e.ts, (other) => other.by !== e.by) }
}

function routeRing({ state }: LiveCall, e: Ring, timings: Timings): Route {
  if (state.decision === null) {
    // Who was called rings in turn, before anything is decided.
    const isCallBack = e.by !== state.caller && firstEnding(state, timings)?.why === 'closed'
    return isCallBack ? { to: 'new', opening: e, legs: openLegs(state, e.ts, ({ by }) => by === e.by) } : live
  }
  if (state.ring?.eventId === e.eventId) return nothing
  const own = legsOf(state).filter(({ by }) => by === e.by)
  const { ts } = state.decision
  // The first who comes rings. Whoever has been there since before comes from a call that is over for the others.
  if (own.some((leg) => isOpenLeg(leg, e.ts) && leg.since <= ts)) return nothing
  return { to: 'new', opening: e, legs: openLegs(state, e.ts, ({ by }) => by === e.by) }
}
