import { sleep } from '../../util/async.ts'
import { isTransient } from './errors.ts'

const attempts = 3
const firstPauseMs = 200

/** Tries again what failed for a moment; the library does so by itself unless a request streams its body. */
export async function withRetries<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await task()
    } catch (error) {
      if (attempt === attempts || signal?.aborted || !isTransient(error)) throw error
      await pause(attempt, signal)
    }
  }
}

/** Longer after each failure. */
export function pause(failures: number, signal?: AbortSignal): Promise<void> {
  return sleep(firstPauseMs * 4 ** (failures - 1), signal)
}
