import { type CallState, isParty, legsOf, type Timings } from './call-state.ts'
import { lastChance } from './endings.ts'

export type Answer =
  | { readonly isCertain: true; readonly ts: number }
  /** Somebody who could answer has just come; it is one if they are there still at `due`. */
  | { readonly isCertain: false; readonly due: number | undefined }

/** When the call was answered, as far as what is known tells; `now` leaves out what is still to be seen. */
export function answerOf(call: CallState, timings: Timings, now = Number.POSITIVE_INFINITY): Answer {
  if (call.answeredTs !== null) return { isCertain: true, ts: call.answeredTs }
  const end = lastChance(call, timings)
  const answers: number[] = []
  for (const leg of legsOf(call)) {
    if (!isParty(call, leg.by)) continue
    const ts = Math.max(leg.from, call.openedTs) + timings.answerMin
    if (Math.min(leg.to ?? Number.POSITIVE_INFINITY, end) >= ts) answers.push(ts)
  }
  const ts = Math.min(...answers)
  if (ts <= now && ts !== Number.POSITIVE_INFINITY) return { isCertain: true, ts }
  return { isCertain: false, due: Number.isFinite(ts) ? ts : undefined }
}
