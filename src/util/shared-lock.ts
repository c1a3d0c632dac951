/** A lock per key that many hold together, or one alone. */
export interface SharedLock {
  /** Side by side with others that share the key. */
  shared<T>(key: string, task: () => Promise<T>): Promise<T>
  /** Alone: waits for those who hold the key, and those who come later wait for it. Not from inside a task of the same key. */
  alone<T>(key: string, task: () => Promise<T>): Promise<T>
}

interface Held {
  readonly sharing: Set<Promise<unknown>>
  /** The last that wants the key alone. */
  alone: Promise<unknown> | undefined
}

export function createSharedLock(): SharedLock {
  const held = new Map<string, Held>()

  function holdersOf(key: string): Held {
    const known = held.get(key) ?? { sharing: new Set(), alone: undefined }
    held.set(key, known)
    return known
  }

  function tidy(key: string, { sharing, alone }: Held): void {
    if (sharing.size === 0 && alone === undefined) held.delete(key)
  }

  return {
    shared: async (key, task) => {
      const holders = holdersOf(key)
      const { alone } = holders
      const done = Promise.withResolvers<void>()
      holders.sharing.add(done.promise)
      try {
        await alone
        return await task()
      } finally {
        done.resolve()
        holders.sharing.delete(done.promise)
        tidy(key, holders)
      }
    },
    alone: async (key, task) => {
      const holders = holdersOf(key)
      const before = [...holders.sharing, holders.alone]
      const done = Promise.withResolvers<void>()
      holders.alone = done.promise
      try {
        await Promise.all(before)
        return await task()
      } finally {
        done.resolve()
        if (holders.alone === done.promise) holders.alone = undefined
        tidy(key, holders)
      }
    },
  }
}
