/** Lets few tasks run at a time; the others wait their turn. */
export interface Semaphore {
  /** Runs `task` when its turn comes. Rejects with the signal's reason where it is aborted before. */
  run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T>
  /** How many wait now. */
  readonly waiting: number
}

export function createSemaphore(limit: number): Semaphore {
  const queue = new Set<() => void>()
  let running = 0

  function enter(signal: AbortSignal | undefined): Promise<void> | undefined {
    signal?.throwIfAborted()
    if (running < limit) {
      running++
      return undefined
    }
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        queue.delete(onTurn)
        reject(signal?.reason)
      }
      const onTurn = () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
      queue.add(onTurn)
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  function leave(): void {
    const [next] = queue
    if (!next) {
      running--
      return
    }
    queue.delete(next)
    next()
  }

  return {
    async run(task, signal) {
      await enter(signal)
      try {
        return await task()
      } finally {
        leave()
      }
    },
    get waiting() {
      return queue.size
    },
  }
}
