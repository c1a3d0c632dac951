/** The last mail of a pusher. */
export interface Mailed {
  /** Mails in a row, none but the first after the user had read something of what the one before told of. */
  readonly count: number
  /** When it was queued, in ms since 1970. */
  readonly ts: number
  /** The oldest event that it told of in each timeline: whoever reads anything there reads that one, too. */
  readonly told: readonly Told[]
}

/** The thread is empty for the main timeline. */
export type Told = readonly [roomNid: number, threadId: string, pos: number]

/** How long somebody has to read something elsewhere before a mail tells of it, in ms. */
export const patience = 10 * 60_000
const longestDistance = 24 * 3_600_000

/** How far the next mail is from the last one when `count` in a row were not followed by reading, in ms. */
export function distanceAfter(count: number): number {
  return Math.min(patience * 2 ** count, longestDistance)
}

/** When a mail is due for something new; `unread` is the last one, where the user has not read what it told of. */
export function dueAfter(now: number, unread: Pick<Mailed, 'count' | 'ts'> | undefined): number {
  return Math.max(now + patience, unread === undefined ? 0 : unread.ts + distanceAfter(unread.count))
}

/**
 * When a mail whose time has come can go: what had waited longest may have been read, and others be newer. `oldestTs` is
 * when the oldest that is unread was sent, undefined where that is not known.
 */
export function ripeAt(now: number, oldestTs: number | undefined): number {
  // The clocks of others, which may be wrong, make nobody wait longer.
  return oldestTs === undefined ? now : Math.min(oldestTs, now) + patience
}
