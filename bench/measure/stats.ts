/** The value below which the share `p` (0 to 1) of the samples lies, by nearest rank; NaN without samples. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? Number.NaN
}

/** The middle of the samples; NaN without samples. */
export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5)
}

/** The largest sample, also of more samples than a call takes arguments; NaN without samples. */
export function largest(samples: readonly number[]): number {
  return samples.reduce((a, b) => Math.max(a, b), samples[0] ?? Number.NaN)
}
