import { errors } from '../../matrix/errors.ts'
import { parseStreamToken } from '../../matrix/stream-token.ts'

/**
 * Where a page of threads ends, written `t{at}_{asOf}`: those up to `at` are still to come, in the order of `asOf`. A
 * thread moves when somebody replies, and would otherwise be passed by a client that pages.
 */
export interface ThreadToken {
  /** Stream position of a thread's newest reply. */
  readonly at: number
  /** Later replies do not count; undefined: all do. */
  readonly asOf: number | undefined
}

const format = /^t(-?\d{1,16})_(-?\d{1,16})$/

export function formatThreadToken({ at, asOf }: { at: number; asOf: number }): string {
  return `t${at}_${asOf}`
}

/** Reads also the tokens of `/sync` and `/messages`, which clients begin from. Throws `400 M_INVALID_PARAM`. */
export function parseThreadToken(text: string): ThreadToken {
  const [, at, asOf] = format.exec(text) ?? []
  const token = { at: Number(at), asOf: Number(asOf) }
  if (Number.isSafeInteger(token.at) && Number.isSafeInteger(token.asOf)) return token
  const position = parseStreamToken(text)?.position
  if (position === undefined) throw errors.invalidParam('This pagination token is not one of ours')
  return { at: position, asOf: undefined }
}
