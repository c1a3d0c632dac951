/**
 * `s{position}_{ephemeral}`: a place in the stream of durable rows and in that of typing notices, which lives as long as
 * the process. `/sync`, `/messages`, `/members` and `/keys/changes` speak the same tokens. Where a device has more
 * to-device messages waiting than one answer holds, `_{position}` at the end says how far it has got with those.
 */
export interface StreamToken {
  readonly position: number
  readonly ephemeral: number
  readonly toDevice?: number
}

const format = /^s(-?\d{1,16})_(\d{1,16})(?:_(\d{1,16}))?$/

export function formatStreamToken({ position, ephemeral, toDevice }: StreamToken): string {
  const lagging = toDevice === undefined || toDevice === position ? '' : `_${toDevice}`
  return `s${position}_${ephemeral}${lagging}`
}

/** Undefined for anything that is no token of ours. */
export function parseStreamToken(text: string): StreamToken | undefined {
  const match = format.exec(text)
  if (match === null) return undefined
  const [position, ephemeral, toDevice] = match.slice(1).map((part) => (part === undefined ? undefined : Number(part)))
  if (position === undefined || ephemeral === undefined) return undefined
  const numbers = [position, ephemeral, toDevice ?? 0]
  return numbers.every(Number.isSafeInteger)
    ? { position, ephemeral, ...(toDevice !== undefined && { toDevice }) }
    : undefined
}
