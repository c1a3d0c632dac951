/** A queue that gives its least item first, by an order that tells all items apart. */
export class MinHeap<T> {
  readonly #items: T[] = []
  readonly #isLess: (a: T, b: T) => boolean

  constructor(isLess: (a: T, b: T) => boolean) {
    this.#isLess = isLess
  }

  get size(): number {
    return this.#items.length
  }

  push(item: T): void {
    const items = this.#items
    let at = items.length
    items.push(item)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = items[parent]
      if (above === undefined || !this.#isLess(item, above)) break
      items[at] = above
      at = parent
    }
    items[at] = item
  }

  /** Takes the least item out; undefined where the heap is empty. */
  pop(): T | undefined {
    const items = this.#items
    const least = items[0]
    const last = items.pop()
    if (last === undefined || items.length === 0) return least
    let at = 0
    for (;;) {
      const child = this.#lesserChild(at)
      const below = items[child]
      if (below === undefined || !this.#isLess(below, last)) break
      items[at] = below
      at = child
    }
    items[at] = last
    return least
  }

  #lesserChild(at: number): number {
    const left = 2 * at + 1
    const a = this.#items[left]
    const b = this.#items[left + 1]
    return a !== undefined && b !== undefined && this.#isLess(b, a) ? left + 1 : left
  }
}
