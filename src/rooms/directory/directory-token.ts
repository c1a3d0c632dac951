import { errors } from '../../matrix/errors.ts'

/** A page of the directory, by the number of rooms before it. */
export interface DirectoryPlace {
  readonly offset: number
  /** Fewer than the request allows: a page that ends where the one after it begins. */
  readonly limit: number
}

/** `p12`, or `p0-5` for a page of five. Throws `400 M_INVALID_PARAM`. */
export function readDirectoryToken(token: string | undefined, limit: number): DirectoryPlace {
  if (token === undefined || token === '') return { offset: 0, limit }
  const match = /^p(\d{1,9})(?:-([1-9]\d{0,8}))?$/.exec(token)
  if (match === null) throw errors.invalidParam('since is not one of our pagination tokens')
  return { offset: Number(match[1]), limit: Math.min(limit, Number(match[2] ?? limit)) }
}

/** The tokens of the pages beside one, as far as there are any. */
export function directoryTokens(
  { offset, limit }: DirectoryPlace,
  pageSize: number,
  total: number,
): { next_batch?: string; prev_batch?: string } {
  const before = Math.min(offset, total)
  return {
    ...(offset + limit < total ? { next_batch: `p${offset + limit}` } : {}),
    ...(before > 0 ? { prev_batch: before < pageSize ? `p0-${before}` : `p${before - pageSize}` } : {}),
  }
}
