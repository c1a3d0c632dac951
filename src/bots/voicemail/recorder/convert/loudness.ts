/** Two equal channels would be measured as louder than what is made of them. */
const mono = 'aformat=channel_layouts=mono'

/** Filters of ffmpeg that measure sound once it has one channel. */
export const measureFilter = `${mono},ebur128=framelog=verbose`

/**
 * How loud something is by EBU R 128 (https://tech.ebu.ch/docs/r/r128.pdf), in LUFS, as the filter says it at its end;
 * undefined where it has heard nothing.
 */
export function readLoudness(log: string): number | undefined {
  const [, integrated] = /\bI:\s+(-?[\d.]+) LUFS/.exec(log) ?? []
  return integrated === undefined ? undefined : Number(integrated)
}

/** Where voice messages of the usual apps lie. */
const targetLufs = -18
/** More would make a quiet room roar. */
const mostGain = 18
const leastGain = -12
const silence = -60
/** Peaks beyond it are rounded off, in dBFS. */
const ceiling = -1.5

/** How much louder something must become to be as loud as other notes, in dB. */
export function gainFor(loudness: number | undefined): number {
  if (loudness === undefined || loudness <= silence) return 0
  const wanted = targetLufs - loudness
  return Math.round(Math.max(leastGain, Math.min(mostGain, wanted)) * 10) / 10
}

/** Filters of ffmpeg that bring a recording to the usual loudness without distortion. */
export function gainFilters(gain: number): string {
  const limit = (10 ** (ceiling / 20)).toFixed(3)
  return `${mono},volume=${gain}dB,alimiter=limit=${limit}:level=disabled:latency=1`
}
