import { errors, MatrixError } from '../matrix/errors.ts'
import { FetchError } from '../util/fetch-error.ts'
import type { Log } from '../util/log.ts'
import { ClientGoneError } from './client-gone.ts'
import { type Reply, reply } from './reply.ts'

/** An error that knows its whole answer, such as a challenge of user-interactive authentication. */
export class ReplyError extends Error {
  override name = 'ReplyError'
  readonly reply: Reply

  constructor(answer: Reply) {
    super(`answer with status ${answer.status}`)
    this.reply = answer
  }
}

/** Storage faults by the start of their code (SQLite, PostgreSQL, the file system): what to answer, without details. */
const storageFaults: readonly (readonly [RegExp, number, string])[] = [
  [/^(SQLITE_FULL|53100|ENOSPC|EDQUOT)/, 507, 'The disk of the server is full'],
  [/^(SQLITE_READONLY|25006|EROFS)/, 503, 'The storage of the server cannot be written'],
  [/^(SQLITE_IOERR|SQLITE_CANTOPEN|58030)/, 503, 'The storage of the server has a fault'],
  [/^(SQLITE_BUSY|SQLITE_LOCKED|55P03|40P01)/, 503, 'The database is busy, try again'],
  // Only SQLite stores texts with U+0000.
  [/^(22021|22P05)/, 400, 'The request has a character that cannot be stored: U+0000'],
  [/^BLOB_STORE$/, 503, 'The storage of media does not answer, try again'],
  [/^(53300|57P0[123]|08\d{3})/, 503, 'The database does not answer, try again'],
]

/** Turns whatever a handler threw into an answer. Unexpected errors are logged and answered `500 M_UNKNOWN` without details. */
export function errorReply(error: unknown, log: Log): Reply {
  if (error instanceof MatrixError) return matrixReply(error)
  if (error instanceof ReplyError) return error.reply
  if (error instanceof ClientGoneError) return matrixReply(errors.unknown(400, 'The request ended early'))
  if (error instanceof FetchError) {
    log.info({ reason: error.message }, 'another machine could not be asked')
    const isSlow = error.failure === 'timeout'
    return matrixReply(errors.unknown(isSlow ? 504 : 502, 'Another server that is needed for this cannot be reached'))
  }
  const fault = storageFault(error)
  if (fault?.[1] === 400) return matrixReply(errors.invalidParam(fault[2]))
  log.error({ err: error }, fault?.[2] ?? 'unexpected error')
  return matrixReply(fault ? errors.unknown(fault[1], fault[2]) : errors.unknown())
}

function matrixReply({ answer }: MatrixError): Reply {
  const { status, body } = answer
  const retryAfterMs = body.retry_after_ms
  const headers: Record<string, string> = {}
  if (typeof retryAfterMs === 'number') headers['Retry-After'] = String(Math.ceil(retryAfterMs / 1000))
  // The rest of the body is not worth reading.
  if (status === 413) headers.Connection = 'close'
  return reply(status, body, headers)
}

function storageFault(error: unknown): readonly [RegExp, number, string] | undefined {
  let current = error
  for (let depth = 0; depth < 4 && typeof current === 'object' && current !== null; depth++) {
    const code: unknown = Reflect.get(current, 'code')
    const fault = typeof code === 'string' ? storageFaults.find(([pattern]) => pattern.test(code)) : undefined
    if (fault) return fault
    current = Reflect.get(current, 'cause')
  }
  return undefined
}
