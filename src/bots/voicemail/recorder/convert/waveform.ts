/** https://github.com/matrix-org/matrix-spec-proposals/pull/3246: clients take 0 to 1024, whatever its newest text says. */
const highest = 1024
const fewest = 30
const most = 120
const msPerBar = 250

/** How loud a recording of 16-bit samples was, in short steps: the highest sample of each, between 0 and 1. */
export interface Peaks {
  readonly steps: readonly number[]
  readonly samples: number
}

/** Collects peaks of samples that come piece by piece, also where a piece ends within a sample. */
export function createPeakMeter(samplesPerStep: number) {
  const steps: number[] = []
  let samples = 0
  let peak = 0
  let half: number | undefined
  const add = (low: number, high: number) => {
    const value = ((high << 24) >> 16) | low
    const size = value < 0 ? -value : value
    if (size > peak) peak = size
    if (++samples % samplesPerStep === 0) flush()
  }
  const flush = () => {
    steps.push(Math.min(1, peak / 0x7fff))
    peak = 0
  }
  return {
    add: (bytes: Uint8Array) => {
      let at = 0
      if (half !== undefined && bytes.length > 0) {
        add(half, bytes[at++] ?? 0)
        half = undefined
      }
      for (; at + 1 < bytes.length; at += 2) add(bytes[at] ?? 0, bytes[at + 1] ?? 0)
      if (at < bytes.length) half = bytes[at]
    },
    end: (): Peaks => {
      if (samples % samplesPerStep !== 0) flush()
      return { steps, samples }
    },
  }
}

/** Bars for clients to draw: 30 to 120 whole numbers from 0 to 1024. */
export function waveformOf(steps: readonly number[], durationMs: number, gain = 1): number[] {
  const count = Math.max(fewest, Math.min(most, Math.round(durationMs / msPerBar)))
  return Array.from({ length: count }, (_, bar) => {
    const from = Math.floor((bar * steps.length) / count)
    const to = Math.max(from + 1, Math.floor(((bar + 1) * steps.length) / count))
    const peak = steps.slice(from, to).reduce((max, step) => Math.max(max, step), 0)
    return Math.round(Math.min(1, peak * gain) * highest)
  })
}
