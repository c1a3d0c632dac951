import type { JsonObject } from '../../matrix/event.ts'
import { wallTime } from '../../util/clock.ts'
import { type Day, days, type HoursSetting, type Span } from './hours.ts'

/** Business hours as the settings hold them, or a sentence that says what is wrong with the words. */
export type WrittenHours = { readonly hours: JsonObject } | { readonly problem: string }

const example = 'Write hours like “mon-fri 9:00-12:00 13:00-17:00, sat 10:00-14:00 Europe/Berlin”.'
const names: readonly string[] = days
const dayPattern = new RegExp(`^(${days.join('|')})[a-z]*(?:-(${days.join('|')})[a-z]*)?$`)
const spanPattern = /^(\d{1,2})(?::(\d\d))?-(\d{1,2})(?::(\d\d))?$/

/** Reads days, each with the times that follow, and a time zone; without one that of `before` stays. */
export function parseHours(text: string, before: HoursSetting | undefined): WrittenHours {
  const open = new Map<Day, string[]>()
  let chosen: readonly Day[] = []
  let wasDay = false
  let timeZone = before?.timeZone
  for (const written of text
    .replaceAll(/[–—]/g, '-')
    .split(/[\s,;]+/)
    .filter(Boolean)) {
    const range = daysOf(written.toLowerCase())
    const span = range ? undefined : spanOf(written)
    if (range) chosen = wasDay ? [...chosen, ...range] : range
    else if (span === 'backwards') {
      return {
        problem: `${written} ends before it begins. Hours past midnight are two: until 24:00, and from 0:00 on the next day.`,
      }
    } else if (span !== undefined) {
      if (chosen.length === 0) return { problem: `Say before ${written} on which days. ${example}` }
      for (const day of chosen) open.set(day, [...(open.get(day) ?? []), span])
    } else if (isTimeZone(written)) timeZone = written
    else return { problem: `I do not understand “${written}”. ${example}` }
    wasDay = range !== undefined
  }
  if (open.size === 0) return { problem: example }
  return { hours: { ...(timeZone !== undefined && { time_zone: timeZone }), ...Object.fromEntries(open) } }
}

/** What `parseHours` would read the same from, such as `mon-fri 09:00-17:00, sat 10:00-14:00 Europe/Berlin`. */
export function hoursInWords({ timeZone, open }: HoursSetting): string {
  const groups: { from: Day; to: Day; times: string }[] = []
  for (const [i, day] of days.entries()) {
    const times = (open.get(day) ?? []).map(spanInWords).join(' ')
    const last = groups.at(-1)
    if (last?.times === times && last.to === days[i - 1]) last.to = day
    else if (times !== '') groups.push({ from: day, to: day, times })
  }
  const said = groups.map(({ from, to, times }) => `${from === to ? from : `${from}-${to}`} ${times}`)
  return [said.join(', '), ...(timeZone === undefined ? [] : [timeZone])].join(' ')
}

function daysOf(word: string): readonly Day[] | undefined {
  if (word === 'daily') return days
  const [, from = '', to = from] = dayPattern.exec(word) ?? []
  const [first, last] = [names.indexOf(from), names.indexOf(to)]
  if (first < 0) return undefined
  return first <= last ? days.slice(first, last + 1) : [...days.slice(first), ...days.slice(0, last + 1)]
}

function spanOf(word: string): string | 'backwards' | undefined {
  const [, h1, m1 = '0', h2, m2 = '0'] = spanPattern.exec(word) ?? []
  const [from, to] = [Number(h1) * 60 + Number(m1), Number(h2) * 60 + Number(m2)]
  if (!(from <= 1440 && to <= 1440) || Number(m1) > 59 || Number(m2) > 59) return undefined
  return from < to ? spanInWords({ from, to }) : 'backwards'
}

const two = (n: number) => String(n).padStart(2, '0')
const spanInWords = ({ from, to }: Span) =>
  `${two(Math.floor(from / 60))}:${two(from % 60)}-${two(Math.floor(to / 60))}:${two(to % 60)}`

const isTimeZone = (word: string) => /^[A-Za-z]/.test(word) && wallTime(0, word) !== undefined
