/**
 * The latest changes in their order, numbered by a counter that stands in sync tokens. It starts at the time of day, so
 * that tokens from before a restart are behind it.
 */
export interface ChangeLog<Entry> {
  /** The number of the last change. */
  counter(): number
  /** Returns the number of the new change. */
  push(entry: Entry): number
  /** The changes after this number; undefined where they are not all remembered. */
  after(counter: number): readonly Entry[] | undefined
}

export function createChangeLog<Entry>(startedAt: number, capacity: number): ChangeLog<Entry> {
  let counter = startedAt
  let entries: Entry[] = []
  let start = startedAt
  return {
    counter: () => counter,
    push: (entry) => {
      counter += 1
      entries.push(entry)
      if (entries.length > 2 * capacity) {
        entries = entries.slice(-capacity)
        start = counter - capacity
      }
      return counter
    },
    after: (since) => (since < start ? undefined : entries.slice(since - start)),
  }
}
