import type { Json, Pdu } from './event.ts'

/** No event is sticky for longer, in ms: https://github.com/matrix-org/matrix-spec-proposals/pull/4354 */
export const longestStickiness = 3_600_000

/** The accepted name, and the one that clients use today. */
export const stickyKeys = ['sticky', 'msc4354_sticky'] as const
export type StickyKey = (typeof stickyKeys)[number]

/** How an event of ours says that it is sticky. */
export interface Stickiness {
  readonly key: StickyKey
  readonly durationMs: number
}

const isDuration = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

const durationOf = (value: Json | undefined): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value.duration_ms : undefined

/** For how long an event is sticky, in ms; undefined for one that is not. */
export function stickyDuration(pdu: Pick<Pdu, StickyKey>): number | undefined {
  for (const key of stickyKeys) {
    const duration = pdu[key] === undefined ? undefined : durationOf(pdu[key])
    if (isDuration(duration)) return Math.min(duration, longestStickiness)
  }
  return undefined
}

/** Until when an event is sticky that came at a time, in ms since 1970; a clock that is ahead makes it last no longer. */
export function stickyUntil(pdu: Pick<Pdu, StickyKey | 'origin_server_ts'>, receivedTs: number): number | undefined {
  const duration = stickyDuration(pdu)
  return duration === undefined ? undefined : Math.min(receivedTs, pdu.origin_server_ts) + duration
}
