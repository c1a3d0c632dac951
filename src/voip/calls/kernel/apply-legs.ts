import { answerOf } from './answer.ts'
import { type CallState, type Leg, legsOf, type Timings } from './call-state.ts'
import type { Gone, Present } from './evidence.ts'

/** A call of more people is none that anybody waits for. */
const maxLegs = 500
/** Of one person: a device may have several, as the room, the call's server and a scheduled leave tell of it. */
const maxOwnLegs = 12

export function applyPresent(call: CallState, e: Present, timings: Timings): CallState {
  const leg = Object.hasOwn(call.legs, e.leg) ? call.legs[e.leg] : undefined
  const kind = call.kind ?? e.kind ?? null
  const put = (next: Leg) => ({ ...call, kind, legs: { ...call.legs, [e.leg]: next } })
  if (leg === undefined) {
    const room = e.isFresh ? makeRoom(call, e, timings) : undefined
    return room === undefined ? call : { ...room, kind, legs: { ...room.legs, [e.leg]: begin(e) } }
  }
  if (leg.to === undefined) {
    const next = refresh(leg, e)
    return tellsNothing(leg, next) ? call : put(next)
  }
  if (e.ts <= leg.to || !e.isFresh) return call
  const { to, ...back } = leg
  if (e.ts - to <= timings.rejoinWindow) return put({ ...refresh(back, e), since: e.ts })
  return { ...put(begin(e)), answeredTs: answeredBefore(call, timings, e.ts) }
}

/** What a stay that is over has shown must not be lost with it. */
function answeredBefore(call: CallState, timings: Timings, ts: number): number | null {
  const answer = answerOf(call, timings, ts)
  return answer.isCertain ? answer.ts : null
}

/** The call with a place for one more leg, perhaps without the oldest one that is over; undefined where it is full. */
function makeRoom(call: CallState, { by, ts }: Present, timings: Timings): CallState | undefined {
  const own = Object.entries(call.legs).filter(([, leg]) => leg.by === by)
  if (own.length < maxOwnLegs) return legsOf(call).length < maxLegs ? call : undefined
  const over = own.find(([, { to }]) => to !== undefined)
  if (over === undefined) return undefined
  const legs = Object.fromEntries(Object.entries(call.legs).filter(([key]) => key !== over[0]))
  return { ...call, legs, answeredTs: answeredBefore(call, timings, ts) }
}

/** Clients show every few seconds that they are there; a few minutes more or less are not worth a write. */
const tellsNothing = (leg: Leg, next: Leg) =>
  next.until - leg.until < 600_000 &&
  next.from === leg.from &&
  next.since === leg.since &&
  next.session === leg.session &&
  next.eventId === leg.eventId &&
  next.latestId === leg.latestId

const begin = (e: Present): Leg => ({
  by: e.by,
  ...(e.device !== undefined && { device: e.device }),
  ...(e.session !== undefined && { session: e.session }),
  ...(e.eventId !== undefined && { eventId: e.eventId }),
  from: e.ts,
  since: e.ts,
  until: e.until,
})

function refresh(leg: Leg, e: Present): Leg {
  const session = leg.session ?? e.session
  const eventId = leg.eventId ?? e.eventId
  const latestId = e.eventId ?? leg.latestId
  return {
    ...leg,
    ...(session !== undefined && { session }),
    ...(eventId !== undefined && { eventId }),
    ...(latestId !== undefined && latestId !== eventId && { latestId }),
    from: Math.min(leg.from, e.ts),
    since: e.isFresh ? Math.max(leg.since, e.ts) : leg.since,
    until: Math.max(leg.until, e.until),
  }
}

export function applyGone(call: CallState, e: Gone): CallState {
  if (e.leg !== undefined) {
    const leg = Object.hasOwn(call.legs, e.leg) ? call.legs[e.leg] : undefined
    return closeLegs(call, e.ts, (other) => other === leg)
  }
  return closeLegs(call, e.ts, ({ by, device }) => by === e.by && (e.device === undefined || device === e.device))
}

export function closeLegs(call: CallState, ts: number, isMeant: (leg: Leg) => boolean): CallState {
  // Somebody who came back after that has not left.
  const isClosed = (leg: Leg) => isMeant(leg) && ts >= leg.since && (leg.to === undefined || leg.to > ts)
  const legs = Object.entries(call.legs)
  if (!legs.some(([, leg]) => isClosed(leg))) return call
  return {
    ...call,
    legs: Object.fromEntries(legs.map(([key, leg]) => [key, isClosed(leg) ? { ...leg, to: ts } : leg])),
  }
}
