/** Loops that wait for their next turn, in the order in which they gave way. */
const waiting: (() => void)[] = []

function runNext(): void {
  waiting.shift()?.()
  if (waiting.length > 0) setImmediate(runNext)
}

/**
 * Lets timers, sockets and other requests run before it resolves. Only one loop goes on in each turn of the event loop:
 * ten at once would hold it up ten times as long.
 */
export function yieldNow(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve)
    if (waiting.length === 1) setImmediate(runNext)
  })
}

/**
 * For long loops: `await pause()` in each turn gives the event loop a chance once `ms` have passed since the last time
 * and costs next to nothing otherwise.
 */
export function createYielder(ms = 5): () => Promise<void> | undefined {
  let last = performance.now()
  return () => {
    if (performance.now() - last < ms) return undefined
    return yieldNow().then(() => {
      last = performance.now()
    })
  }
}

/** Resolves after `ms`, or rejects with the signal's reason as soon as it is aborted. Keeps no process alive. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const onAbort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms).unref()
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

export class TimeoutError extends Error {
  override name = 'TimeoutError'
}

/**
 * Runs `task` with a signal that is aborted after `ms` or together with `parent`. Rejects with a `TimeoutError` when the
 * time is up, even if the task does not listen to its signal.
 */
export async function withTimeout<T>(
  ms: number,
  task: (signal: AbortSignal) => Promise<T>,
  parent?: AbortSignal,
): Promise<T> {
  parent?.throwIfAborted()
  const controller = new AbortController()
  const aborted = new Promise<never>((_, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true })
  })
  const timer = setTimeout(() => controller.abort(new TimeoutError(`timed out after ${ms} ms`)), ms)
  const onParentAbort = () => controller.abort(parent?.reason)
  parent?.addEventListener('abort', onParentAbort, { once: true })
  try {
    return await Promise.race([task(controller.signal), aborted])
  } finally {
    clearTimeout(timer)
    parent?.removeEventListener('abort', onParentAbort)
  }
}

/** Maps `items` with at most `limit` calls under way; the results keep the order of the items. The first error rejects. */
export async function mapLimit<T, R>(
  items: readonly T[],
  limit: number,
  fn: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length)
  const entries = items.entries()
  const worker = async () => {
    for (const [index, item] of entries) results[index] = await fn(item, index)
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker))
  return results
}
