import { sleep } from '../../util/async.ts'

const firstPauseMs = 200

/** Waits before something is tried again, longer after each failure. */
export function pause(failures: number, signal?: AbortSignal): Promise<void> {
  return sleep(firstPauseMs * 4 ** (failures - 1), signal)
}
