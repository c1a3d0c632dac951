import { ClientGoneError } from '../../http/client-gone.ts'
import { MatrixError } from '../../matrix/errors.ts'

/** Not of the machine, such as a full disk or too many open files, nor of whoever did not wait. */
export function isFaultOfPicture(error: unknown): boolean {
  if (error instanceof ClientGoneError || error instanceof MatrixError) return false
  return !(error instanceof Error && 'code' in error && typeof error.code === 'string')
}
