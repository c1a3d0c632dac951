import type { Reader } from '../db/database.ts'
import { errors } from '../matrix/errors.ts'
import type { UserId } from '../matrix/ids.ts'
import { essenceOf } from './content-type.ts'
import { getUploadedBytes } from './store-media.ts'

/** At most `max` bytes within the last `within` ms; without it, in all. */
export interface Quota {
  readonly max: number
  readonly within?: number | undefined
}

/** Throws `M_FORBIDDEN` where `size` more bytes of a user would exceed a quota. */
export async function requireQuota(
  reader: Reader,
  quotas: readonly Quota[],
  { userId, size, now }: { userId: UserId; size: number; now: number },
): Promise<void> {
  for (const { max, within } of quotas) {
    const used = await getUploadedBytes(reader, userId, within === undefined ? undefined : now - within)
    if (used + size > max) throw errors.forbidden('You have uploaded as much as this server allows')
  }
}

/** Types are written `application/x-msdownload`, or `video/*` for all of a kind. */
export interface TypeRules {
  readonly refusedTypes: readonly string[]
  /** Empty: all that are not refused. */
  readonly allowedTypes: readonly string[]
  /** The largest files of some types, in bytes. */
  readonly typeLimits: readonly { readonly type: string; readonly max: number }[]
}

function matches(pattern: string, essence: string): boolean {
  const wanted = pattern.toLowerCase()
  return wanted === essence || (wanted.endsWith('/*') && essence.startsWith(wanted.slice(0, -1)))
}

/**
 * Throws `M_FORBIDDEN` for a type that the server does not take, and `M_TOO_LARGE` where it takes no `size` bytes of it.
 * What has no known type is judged by the others.
 */
export function requireAllowedType(rules: TypeRules, type: string | null | undefined, size: number): void {
  if (!type) return
  const essence = essenceOf(type)
  const fits = (pattern: string) => matches(pattern, essence)
  const { refusedTypes, allowedTypes, typeLimits } = rules
  if (refusedTypes.some(fits) || (allowedTypes.length > 0 && !allowedTypes.some(fits))) {
    throw errors.forbidden(`Files of the type ${essence} may not be uploaded here`)
  }
  const limit = Math.min(...typeLimits.filter((rule) => fits(rule.type)).map(({ max }) => max))
  if (size > limit) throw errors.tooLarge(`Files of the type ${essence} may have at most ${limit} bytes here`)
}
