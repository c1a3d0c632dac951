/**
 * Runs `work` for each item, `width` at a time, until all are done or `deadline` (of `performance.now()`) has passed;
 * resolves with how many items were done. The first failure ends it.
 */
export async function eachOf<T>(
  items: readonly T[],
  width: number,
  work: (item: T, index: number) => Promise<void>,
  deadline = Number.POSITIVE_INFINITY,
): Promise<number> {
  const entries = items.entries()
  let done = 0
  const worker = async () => {
    // All workers draw from one iterator, so each item is done once.
    for (const [index, item] of entries) {
      if (performance.now() >= deadline) return
      await work(item, index)
      done++
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
  return done
}
