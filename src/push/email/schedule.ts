/** The last mail of a pusher. */
export interface Mailed {
  /** Mails since the user last read something that they told of. */
  readonly count: number
  /** When the last one was queued, in ms since 1970. */
  readonly ts: number
  /** It told of `told` unread events with positions after `from` and up to `to`. */
  readonly from: number
  readonly to: number
  readonly told: number
}

/** What a pusher knows about itself while something is unread. */
export interface Situation {
  readonly now: number
  /** When a mail is due by an earlier decision; undefined: nothing was unread before. */
  readonly dueTs: number | undefined
  /** When the oldest unread event was sent; undefined: there are too many to know. */
  readonly oldestTs: number | undefined
  readonly mailed: Mailed | undefined
  /** Whether the user has read something of what the last mail told of. */
  readonly hasRead: boolean
}

export type Decision = { readonly kind: 'mail' } | { readonly kind: 'wait'; readonly until: number }

/** How long somebody has to read something elsewhere before a mail tells of it, in ms. */
export const patience = 10 * 60_000
const longestDistance = 24 * 3_600_000

/** How far the next mail is from the last one when `count` in a row were not followed by reading, in ms. */
export function distanceAfter(count: number): number {
  return Math.min(patience * 2 ** count, longestDistance)
}

/** Whether to mail now, or when to look again. */
export function decide({ now, dueTs, oldestTs, mailed, hasRead }: Situation): Decision {
  const soon = now + patience
  if (dueTs === undefined) {
    const apart = mailed === undefined || hasRead ? 0 : mailed.ts + distanceAfter(mailed.count)
    return { kind: 'wait', until: Math.max(soon, apart) }
  }
  // Whoever reads is here again: what kept them from being told of more is over, and they may be about to read that, too.
  if (dueTs > now) return { kind: 'wait', until: hasRead ? Math.min(dueTs, soon) : dueTs }
  // Others that had waited longer are read by now. Nobody's clock but ours makes us wait longer.
  const ripeTs = oldestTs === undefined ? now : Math.min(oldestTs, now) + patience
  return ripeTs > now ? { kind: 'wait', until: ripeTs } : { kind: 'mail' }
}
