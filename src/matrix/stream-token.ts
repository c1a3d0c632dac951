/**
 * `s{position}_{ephemeral}`: a place in the stream of durable rows and in that of typing notices, which lives as long as
 * the process. `/sync`, `/messages`, `/members` and `/keys/changes` speak the same tokens. Where a device has more
 * to-device messages waiting than one answer holds, `_{position}` after that says how far it has got with those.
 * `_p{number}` says how far a sync has got with presence. What follows a `~` concerns the connection that the token is
 * from, and nobody else.
 */
export interface StreamToken {
  readonly position: number
  readonly ephemeral: number
  readonly toDevice?: number
  readonly presence?: number
}

const format = /^s(-?\d{1,16})_(\d{1,16})(?:_(\d{1,16}))?(?:_p(\d{1,16}))?(?:~[\d.]{1,40})?$/

export function formatStreamToken({ position, ephemeral, toDevice, presence }: StreamToken): string {
  const lagging = toDevice === undefined || toDevice === position ? '' : `_${toDevice}`
  return `s${position}_${ephemeral}${lagging}${presence === undefined ? '' : `_p${presence}`}`
}

/** Undefined for anything that is no token of ours. */
export function parseStreamToken(text: string): StreamToken | undefined {
  const match = format.exec(text)
  if (match === null) return undefined
  const parts = match.slice(1).map((part) => (part === undefined ? undefined : Number(part)))
  const [position, ephemeral, toDevice, presence] = parts
  if (position === undefined || ephemeral === undefined) return undefined
  if (!parts.every((part) => part === undefined || Number.isSafeInteger(part))) return undefined
  return {
    position,
    ephemeral,
    ...(toDevice !== undefined && { toDevice }),
    ...(presence !== undefined && { presence }),
  }
}
