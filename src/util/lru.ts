/** A map that forgets what was used least recently once its entries weigh more than `max` together. */
export class LruMap<K, V> {
  readonly #max: number
  readonly #weigh: (value: V, key: K) => number
  readonly #entries = new Map<K, { value: V; weight: number }>()
  #total = 0

  /** Every entry weighs 1 unless `weigh` says otherwise, so `max` is a number of entries or, say, of bytes. */
  constructor(max: number, weigh: (value: V, key: K) => number = () => 1) {
    this.#max = max
    this.#weigh = weigh
  }

  get size(): number {
    return this.#entries.size
  }

  /** What all entries weigh together. */
  get weight(): number {
    return this.#total
  }

  has(key: K): boolean {
    return this.#entries.has(key)
  }

  get(key: K): V | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry.value
  }

  /** An entry that alone weighs more than `max` is not kept. */
  set(key: K, value: V): void {
    this.delete(key)
    const weight = this.#weigh(value, key)
    if (weight > this.#max) return
    this.#entries.set(key, { value, weight })
    this.#total += weight
    for (const oldest of this.#entries.keys()) {
      if (this.#total <= this.#max) break
      this.delete(oldest)
    }
  }

  delete(key: K): boolean {
    const entry = this.#entries.get(key)
    if (!entry) return false
    this.#total -= entry.weight
    return this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
    this.#total = 0
  }

  /** Keys from the least to the most recently used. */
  keys(): IterableIterator<K> {
    return this.#entries.keys()
  }
}
