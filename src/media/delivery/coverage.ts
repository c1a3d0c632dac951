import type { ByteRange } from '../blob-store.ts'

/** Parts of a file that somebody has, in order and apart from each other. */
export type Coverage = readonly (readonly [start: number, end: number])[]

/** So many parts are remembered: whoever fetches a file in more pieces has to fetch it again. */
const mostParts = 200

/** Adds a part. */
export function addPart(coverage: Coverage, { start, end }: ByteRange): Coverage {
  const parts = [...coverage, [start, end] as const].sort(([a], [b]) => a - b)
  const merged: [number, number][] = []
  for (const [from, to] of parts) {
    const last = merged.at(-1)
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to)
    else merged.push([from, to])
  }
  return merged.slice(0, mostParts)
}

/** Whether the parts are the whole of a file of `size` bytes. */
export function isWhole(coverage: Coverage, size: number): boolean {
  const [first] = coverage
  return size === 0 || (first !== undefined && first[0] === 0 && first[1] >= size - 1)
}
