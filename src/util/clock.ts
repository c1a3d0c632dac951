/** The time of day in ms since 1970. Everything that needs the time is given one of these. */
export interface Clock {
  now(): number
}

/** A clock that also runs something later; tests move it by hand. */
export interface TimerClock extends Clock {
  /** Runs `task` once, `ms` from now, unless the returned function is called before. The timer keeps no process alive. */
  after(ms: number, task: () => void): () => void
}

/** Longer waits overflow the runtime's 32-bit timer and would fire at once. */
const longestTimer = 2 ** 31 - 1

export const systemClock: TimerClock = {
  now: () => Date.now(),
  after(ms, task) {
    const timer = setTimeout(task, Math.min(Math.max(ms, 0), longestTimer)).unref()
    return () => clearTimeout(timer)
  },
}

export interface TestClock extends TimerClock {
  /** Moves the time forward by `ms` and runs what has become due, in the order of its time. */
  advance(ms: number): void
  /** Moves the time to `ms` without running anything. */
  set(ms: number): void
}

/** A clock that stands still until it is moved. Starts at a fixed time of day unless told otherwise. */
export function createTestClock(start = 1_700_000_000_000): TestClock {
  let time = start
  const waiting = new Set<{ at: number; task: () => void }>()
  const nextDue = (until: number) => {
    let next: { at: number; task: () => void } | undefined
    for (const timer of waiting) if (timer.at <= until && (!next || timer.at < next.at)) next = timer
    return next
  }
  return {
    now: () => time,
    after(ms, task) {
      const timer = { at: time + Math.max(ms, 0), task }
      waiting.add(timer)
      return () => void waiting.delete(timer)
    },
    advance(ms) {
      const until = time + ms
      for (let due = nextDue(until); due; due = nextDue(until)) {
        waiting.delete(due)
        time = Math.max(time, due.at)
        due.task()
      }
      time = until
    },
    set(ms) {
      time = ms
    },
  }
}

/** `2026-11-23T10:00:00.000Z` for a time in ms. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}

/** The day (`mon`) and the time of day at a place; undefined for a time zone that does not exist. Default is where the server is. */
export function wallTime(
  ms: number,
  timeZone?: string,
): { readonly day: string; readonly hour: number; readonly minute: number } | undefined {
  const zone = timeZone === undefined ? {} : { timeZone }
  const options = { weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23', ...zone } as const
  try {
    const parts = new Intl.DateTimeFormat('en-GB', options).formatToParts(ms)
    const part = (type: string) => parts.find((one) => one.type === type)?.value ?? ''
    return { day: part('weekday').toLowerCase(), hour: Number(part('hour')), minute: Number(part('minute')) }
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** The time of day where the server is, as `14:02`. */
export function timeOfDay(ms: number): string {
  const { hour, minute } = wallTime(ms) ?? { hour: 0, minute: 0 }
  return `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`
}
