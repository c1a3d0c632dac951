const units: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
  ['w', 604_800_000],
])

/** Milliseconds from `30s`, `1.5h`, `7d` or whole milliseconds (as a number or digits); undefined when it is none of them. */
export function parseDuration(text: string | number): number | undefined {
  if (typeof text === 'number') return Number.isSafeInteger(text) && text >= 0 ? text : undefined
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)?$/.exec(text.trim())
  const factor = units.get(match?.[2] ?? 'ms')
  if (!match?.[1] || factor === undefined) return undefined
  const ms = Number(match[1]) * factor
  return Number.isSafeInteger(ms) ? ms : undefined
}

/** The shortest exact spelling that `parseDuration` reads back: `7d`, `90s`, `250ms`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  for (const unit of ['d', 'h', 'm', 's']) {
    const factor = units.get(unit) ?? 1
    if (ms % factor === 0) return `${ms / factor}${unit}`
  }
  return `${ms}ms`
}
