import type { Rule } from './policy.ts'

/** Why media is deleted. */
export type DueReason = 'delivered' | 'expired_undelivered' | 'too old' | 'redacted'

/** A time in which clocks stand still, in ms since 1970; without an end as far as is known. */
export interface Frozen {
  readonly from: number
  readonly to: number | undefined
}

/** What is known of media that is followed; times in ms. */
export interface Followed {
  /** When the last message came that shows it. */
  readonly linkedTs: number
  readonly deliveredTs: number | null
  readonly unlinkedTs: number | null
  /** When the last of the servers that must have it got it. */
  readonly serverTs: number | null
  /** For how long a server that lacks it could not be reached. */
  readonly pausedMs: number
  /** Whether its uploader has sent it as a note and as nothing else. */
  readonly isNote: boolean
}

export interface Due {
  readonly ts: number
  readonly reason: DueReason
}

const day = 24 * 60 * 60 * 1000
/** So long at most a deletion waits for servers that are away, and so old media gets by that. */
const longestPause = 14 * day
const oldest = 60 * day

/** When `ms` have passed from `start` on, without the times in which the clock stands still; undefined: not as things are. */
export function afterPauses(start: number, ms: number, pauses: readonly Frozen[]): number | undefined {
  let at = start
  let left = ms
  for (const { from, to } of [...pauses].sort((a, b) => a.from - b.from)) {
    if (to !== undefined && to <= at) continue
    if (from > at + left) break
    left -= Math.max(0, from - at)
    if (to === undefined) return undefined
    at = to
  }
  return at + left
}

/** When media is to be deleted; undefined: not as things are. */
export function dueOf(media: Followed, rule: Rule, redactedGrace: number, holds: readonly Frozen[]): Due | undefined {
  const found: Due[] = []
  const add = (reason: DueReason, ts: number | undefined) => {
    if (ts !== undefined) found.push({ ts, reason })
  }
  const { linkedTs, deliveredTs, unlinkedTs, serverTs, pausedMs } = media
  if (unlinkedTs !== null) add('redacted', afterPauses(unlinkedTs, media.isNote ? 0 : redactedGrace, holds))
  if (deliveredTs !== null && rule.isDeleted) {
    const all = afterPauses(deliveredTs, rule.grace, holds)
    const servers = serverTs === null ? all : afterPauses(serverTs, rule.serverGrace, holds)
    add('delivered', all === undefined || servers === undefined ? undefined : Math.max(all, servers))
  }
  if (rule.maxLifetime !== undefined) {
    const pause = Math.min(pausedMs, longestPause, Math.max(0, oldest - rule.maxLifetime))
    const reason = deliveredTs === null ? 'expired_undelivered' : 'too old'
    add(reason, afterPauses(linkedTs, rule.maxLifetime + pause, holds))
  }
  return found.sort((a, b) => a.ts - b.ts)[0]
}
