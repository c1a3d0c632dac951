import type { NoteKind } from '../types.ts'

/** What a timer in a browser and the padding of an encoder may add, in ms. It is cut off. */
export const toleranceMs = 500
/** Nobody says anything in less, in ms. */
export const shortestMs = 200

/** For browsers that choose their own rates, and for sound that is not compressed. */
const bytesPerSecond: Readonly<Record<NoteKind, number>> = { voice: 256 * 1024, video: 1024 * 1024 }
const headroom = 1024 * 1024

/** The largest recording that is taken, in bytes. */
export function largestRecording(kind: NoteKind, maxLengthMs: number, maxUpload: number): number {
  return Math.min(maxUpload, Math.ceil((maxLengthMs / 1000) * bytesPerSecond[kind]) + headroom)
}

/** For ffmpeg, in seconds. */
export const seconds = (ms: number) => (ms / 1000).toFixed(3)
