import { createYielder } from '../../util/async.ts'

/** Lets a few pieces of work run at once and the event loop take its turns between them. */
export type Gate = <T>(work: () => Promise<T>) => Promise<T>

export function createGate(width: number): Gate {
  const waiting: (() => void)[] = []
  const pause = createYielder()
  let inside = 0

  return async (work) => {
    if (inside >= width) await new Promise<void>((resolve) => void waiting.push(resolve))
    else inside += 1
    try {
      await pause()
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) inside -= 1
      else next()
    }
  }
}
