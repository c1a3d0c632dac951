/**
 * `s{position}_{ephemeral}`: a place in the stream of durable rows and in that of typing notices, which lives as long as
 * the process. `/sync`, `/messages`, `/members` and `/keys/changes` speak the same tokens.
 */
export interface StreamToken {
  readonly position: number
  readonly ephemeral: number
}

const format = /^s(-?\d{1,16})_(\d{1,16})$/

export function formatStreamToken({ position, ephemeral }: StreamToken): string {
  return `s${position}_${ephemeral}`
}

/** Undefined for anything that is no token of ours. */
export function parseStreamToken(text: string): StreamToken | undefined {
  const match = format.exec(text)
  if (match === null) return undefined
  const position = Number(match[1])
  const ephemeral = Number(match[2])
  return Number.isSafeInteger(position) && Number.isSafeInteger(ephemeral) ? { position, ephemeral } : undefined
}
