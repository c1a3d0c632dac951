import { setTimeout as wait } from 'node:timers/promises'

const patienceMs = 1

/**
 * Makes batches whole: clients that were answered together ask again together, a moment later. Where fewer wait now than
 * the last batch held, the next one begins a millisecond later, and never later for somebody who is alone.
 */
export interface Gathering {
  /** Resolves when the batch may begin; `count` says how many wait. */
  gather(count: () => number): Promise<void>
  /** To be told how many the batch held. */
  taken(count: number): void
}

export function createGathering(): Gathering {
  let expected = 1
  return {
    gather: async (count) => {
      if (count() < expected) await wait(patienceMs)
    },
    taken: (count) => {
      expected = count
    },
  }
}
