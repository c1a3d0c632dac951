import { type CallState, type Leg, legsOf, type Timings } from './call-state.ts'

export interface Afterlife {
  /** When fewer than two people were in it; undefined while they talk. */
  readonly endedTs: number | undefined
  /** Whether nobody is in it any more, so that whoever comes begins another call. */
  readonly isOver: boolean
  /** When to look again, in ms since 1970; undefined: when something happens. */
  readonly due: number | undefined
}

/** A conversation whose end nobody has seen has ended by then. */
const longestCall = 24 * 3_600_000
const never = Number.POSITIVE_INFINITY

const endOf = ({ to, until }: Leg) => to ?? until

/** What goes on in a call after its outcome is certain. */
export function afterlife(call: CallState, timings: Timings, now: number): Afterlife {
  const ends = new Map<string, number>()
  for (const leg of legsOf(call)) ends.set(leg.by, Math.max(ends.get(leg.by) ?? 0, endOf(leg)))
  const [last = 0, secondLast = 0] = [...ends.values()].sort((a, b) => b - a)
  const talked = Math.max(secondLast, endOfInvites(call))
  // Who comes back soon has not left.
  const talkedAt = talked === secondLast ? talked + timings.rejoinWindow : talked
  const left = Math.max(last, endOfInvites(call))
  const leftAt = left === last && last > 0 ? left + timings.rejoinWindow : left
  const isAnswered = call.decision?.outcome === 'answered'
  const dues = [leftAt, ...(isAnswered ? [talkedAt] : [])].filter((ts) => ts > now && ts !== never)
  return {
    endedTs: isAnswered && talkedAt <= now ? Math.max(talked, call.decision?.ts ?? 0) : undefined,
    isOver: leftAt <= now,
    due: dues.length > 0 ? Math.min(...dues) : undefined,
  }
}

/** When the last conversation by `m.call.*` was over. */
function endOfInvites(call: CallState): number {
  if (call.decision?.outcome !== 'answered') return 0
  return Math.max(0, ...call.invites.map(({ goneTs, ts }) => goneTs ?? ts + longestCall))
}
