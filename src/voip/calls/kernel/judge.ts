import type { CallOutcome, PromptReason } from '../types.ts'
import { answerOf } from './answer.ts'
import type { CallState, Timings } from './call-state.ts'
import { type Ending, firstEnding } from './endings.ts'

export type Verdict =
  /** Not certain yet: to be asked again at `due`, in ms since 1970. */
  | { readonly isCertain: false; readonly due: number }
  | {
      readonly isCertain: true
      readonly outcome: CallOutcome
      /** Why the caller may be asked for a note. */
      readonly reason: PromptReason | undefined
      /** Undefined where the call now goes on. */
      readonly endedTs: number | undefined
    }

/** Nobody rings for longer, whatever the caller's client says. */
export const longestRing = 120_000
/** How long clients ring where nothing says it. */
const usualRing = 30_000
/** Clients cap what others say at this; what cannot be read may be as long. */
const unreadRing = 90_000
/** A client that gives up by itself does so about now, before or after. */
const timeoutTolerance = 2_000

/** What became of a call by now; it depends on nothing but its arguments. */
export function judge(call: CallState, timings: Timings, now: number): Verdict {
  const answer = answerOf(call, timings, now)
  if (answer.isCertain) return { isCertain: true, outcome: 'answered', reason: undefined, endedTs: undefined }
  const ending = firstEnding(call, timings)
  const certainTs = ending?.certainTs ?? deadlineOf(call, timings)
  if (answer.due !== undefined && now < answer.due) return { isCertain: false, due: answer.due }
  if (now < certainTs) return { isCertain: false, due: certainTs }
  const { outcome, reason } = outcomeOf(call, timings, ending)
  const mayAsk = call.isEligible && isCalling(call)
  return { isCertain: true, outcome, reason: mayAsk ? reason : undefined, endedTs: ending?.ts ?? certainTs }
}

/** Whether the call is meant for somebody, as against a room that is open to whoever comes. */
const isCalling = (call: CallState): boolean => call.invites.length > 0 || call.ring !== null || call.isDirect

/** When the ringing ends by itself, as far as it is known. */
function ringEnd(call: CallState, unread: number): number {
  const ends = call.invites.map(({ ts, lifetime }) => ts + Math.min(lifetime, longestRing))
  if (call.ring !== null) ends.push(call.ring.ts + Math.min(call.ring.lifetime ?? unread, longestRing))
  return ends.length > 0 ? Math.max(...ends) : call.openedTs + (unread === usualRing ? usualRing : longestRing)
}

const deadlineOf = (call: CallState, timings: Timings) => ringEnd(call, unreadRing) + timings.closeSlack

interface Outcome {
  readonly outcome: CallOutcome
  readonly reason?: PromptReason
}

function outcomeOf(call: CallState, timings: Timings, ending: Ending | undefined): Outcome {
  switch (ending?.why) {
    case 'out':
      return { outcome: 'unknown' }
    case 'redacted':
      return { outcome: 'cancelled' }
    case 'declined':
      return { outcome: 'declined', reason: 'declined' }
    case 'busy':
      return { outcome: 'busy', reason: 'busy' }
    case 'failed':
      return { outcome: 'failed' }
    case 'closed':
      if (ending.ts - call.openedTs < timings.cancelAfter) return { outcome: 'cancelled' }
  }
  if (!isCalling(call)) return { outcome: 'unknown' }
  if (call.isCalleeBusy) return { outcome: 'busy', reason: 'busy' }
  return { outcome: 'missed', reason: isTimeout(call, ending) ? 'timeout' : 'cancelled' }
}

function isTimeout(call: CallState, ending: Ending | undefined): boolean {
  if (ending === undefined) return true
  if (call.invites.some(({ reason, goneTs }) => reason === 'invite_timeout' && goneTs === ending.ts)) return true
  return ending.ts >= ringEnd(call, usualRing) - timeoutTolerance
}
