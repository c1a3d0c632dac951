import { type CallState, legsOf, type Timings } from './call-state.ts'

export interface Ending {
  readonly why: 'out' | 'redacted' | 'declined' | 'busy' | 'failed' | 'closed'
  readonly ts: number
  /** From when on nothing can change it any more. */
  readonly certainTs: number
}

/** The first thing that ended the ringing, as far as is known; undefined while it goes on. */
export const firstEnding = (call: CallState, timings: Timings): Ending | undefined =>
  endings(call, timings).reduce<Ending | undefined>(
    (first, one) => (first && first.ts <= one.ts ? first : one),
    undefined,
  )

/** Until when somebody who comes has answered: one device may take what another declines. */
export function lastChance(call: CallState, timings: Timings): number {
  const final = endings(call, timings).filter(({ why }) => why !== 'declined' && why !== 'busy')
  return Math.min(...final.map(({ ts }) => ts))
}

function endings(call: CallState, timings: Timings): Ending[] {
  const grace = call.isRemote ? timings.remoteGrace : timings.localGrace
  const found: Ending[] = []
  const add = (why: Ending['why'], ts: number | null, wait: number) => {
    if (ts !== null) found.push({ why, ts, certainTs: ts + wait })
  }
  add('out', call.outTs, 0)
  add('redacted', call.redactedTs, grace)
  add('declined', call.declinedTs, grace)
  add('busy', call.busyTs, grace)
  add('failed', call.failedTs, grace)
  const closed = closing(call)
  if (closed) add('closed', closed.ts, Math.max(grace, closed.isByLegs ? timings.rejoinWindow : 0))
  return found
}

/** When the caller had given up in every way in which they called. */
function closing(call: CallState): { ts: number; isByLegs: boolean } | undefined {
  const legs = legsOf(call).filter(({ by }) => by === call.caller)
  if (legs.length + call.invites.length === 0) return undefined
  let lastLeg = Number.NEGATIVE_INFINITY
  let lastInvite = Number.NEGATIVE_INFINITY
  for (const { to } of legs) lastLeg = Math.max(lastLeg, to ?? Number.POSITIVE_INFINITY)
  for (const { goneTs } of call.invites) lastInvite = Math.max(lastInvite, goneTs ?? Number.POSITIVE_INFINITY)
  const ts = Math.max(lastLeg, lastInvite)
  return ts === Number.POSITIVE_INFINITY ? undefined : { ts, isByLegs: lastLeg >= lastInvite }
}
