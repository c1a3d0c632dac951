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

/** Throws `M_FORBIDDEN` for types that the server refuses: `application/x-msdownload`, or `video/*` for all of a kind. */
export function requireAllowedType(refused: readonly string[], types: readonly (string | null | undefined)[]): void {
  const patterns = refused.map((pattern) => pattern.toLowerCase())
  for (const type of types) {
    if (!type) continue
    const essence = essenceOf(type)
    const kind = `${essence.split('/')[0]}/*`
    if (patterns.includes(essence) || patterns.includes(kind)) {
      throw errors.forbidden(`Files of the type ${essence} may not be uploaded here`)
    }
  }
}
