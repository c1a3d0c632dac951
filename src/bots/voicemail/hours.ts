import { stringOf } from '../../matrix/content.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { wallTime } from '../../util/clock.ts'

/** From Monday on. */
export const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Day = (typeof days)[number]

/** Minutes since midnight; `to` may be 1440. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** When somebody can usually be reached. */
export interface HoursSetting {
  /** An IANA name; undefined: that of the server. */
  readonly timeZone: string | undefined
  readonly open: ReadonlyMap<Day, readonly Span[]>
}

/**
 * Reads `{"time_zone": "Europe/Berlin", "mon": ["09:00-12:00", "13:00-17:00"], ...}`; days that are left out are closed.
 * Undefined where no day is open, which would close for ever by mistake.
 */
export function readHours(content: JsonObject | undefined): HoursSetting | undefined {
  if (content === undefined) return undefined
  const timeZone = stringOf({ content }, 'time_zone')
  const open = new Map(
    days.flatMap((day) => {
      const spans = spansOf(content[day])
      return spans.length > 0 ? [[day, spans] as const] : []
    }),
  )
  if (open.size === 0) return undefined
  return { timeZone: timeZone !== undefined && wallTime(0, timeZone) ? timeZone : undefined, open }
}

function spansOf(value: unknown): Span[] {
  return (Array.isArray(value) ? value : []).flatMap((text) => {
    const [, h1, m1, h2, m2] = /^(\d\d):(\d\d)-(\d\d):(\d\d)$/.exec(String(text)) ?? []
    const [from, to] = [Number(h1) * 60 + Number(m1), Number(h2) * 60 + Number(m2)]
    return from < to && to <= 1440 ? [{ from, to }] : []
  })
}

/** Whether the time, in ms since 1970, is within business hours. */
export function isOpenAt({ timeZone, open }: HoursSetting, ts: number): boolean {
  const at = wallTime(ts, timeZone)
  const day = at && days.find((name) => name === at.day)
  if (!at || !day) return true
  const minute = at.hour * 60 + at.minute
  return (open.get(day) ?? []).some(({ from, to }) => minute >= from && minute < to)
}
