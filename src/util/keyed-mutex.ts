/** One lock per key: tasks of one key run one after another in the order of their calls, those of different keys side by side. */
export interface KeyedMutex {
  /** Runs `task` while the key is held. Calling it for the same key from inside a task waits for ever. */
  run<T>(key: string, task: () => Promise<T> | T): Promise<T>
  /** How many keys are held now. */
  readonly size: number
}

export function createKeyedMutex(): KeyedMutex {
  const held = new Map<string, Array<() => void> | undefined>()

  function release(key: string): void {
    const next = held.get(key)?.shift()
    if (next) next()
    else held.delete(key)
  }

  return {
    async run(key, task) {
      if (held.has(key)) {
        await new Promise<void>((resolve) => {
          const queue = held.get(key)
          if (queue) queue.push(resolve)
          else held.set(key, [resolve])
        })
      } else {
        held.set(key, undefined)
      }
      try {
        return await task()
      } finally {
        release(key)
      }
    },
    get size() {
      return held.size
    },
  }
}
