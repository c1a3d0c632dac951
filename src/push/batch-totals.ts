import type { Reader, Tx } from '../db/database.ts'
import { insertTotals, type Mark, type SeriesKey, type Totals, upsertThread } from './store-totals.ts'
import { isNothing, minus, nothing, type Tally } from './tally.ts'
import { addMarks, addTotals, noTotals, now, totalsAt } from './totals.ts'

/** The events of a batch that count in one series, and what they come to, each with those before it. */
interface Growth {
  readonly marks: Mark[]
  readonly sums: Totals[]
}

/** The totals of a room while one batch of events adds to them. Events are added in the order of their positions. */
export class BatchTotals {
  readonly #roomNid: number
  readonly #room = new Map<number, Growth>()
  readonly #threads = new Map<string, Map<number, Growth>>()
  readonly #heads = new Map<number, Totals>()

  constructor(roomNid: number) {
    this.#roomNid = roomNid
  }

  /** Adds what an event counts for each class; `threadId` is undefined in the main timeline. */
  add(pos: number, threadId: string | undefined, byClass: ReadonlyMap<number, Tally>): void {
    const base = byClass.get(0) ?? nothing
    for (const [classNid, tally] of byClass) {
      const own = classNid === 0 ? tally : minus(tally, base)
      if (isNothing(own)) continue
      const mark: Mark = [pos, own.n, own.h, threadId === undefined ? 0 : 1]
      grow(this.#room, classNid, mark)
      if (threadId === undefined) continue
      const thread = this.#threads.get(threadId) ?? new Map<number, Growth>()
      grow(thread, classNid, mark)
      this.#threads.set(threadId, thread)
    }
  }

  /** The whole room's totals for a class once the batch's events up to `pos` are in. */
  async at(reader: Reader, classNid: number, pos: number): Promise<Totals> {
    const head = await this.#head(reader, classNid)
    const growth = this.#room.get(classNid)
    const sum = growth?.sums[growth.marks.findLastIndex(([at]) => at <= pos)]
    const own = sum === undefined ? head : addTotals(head, sum)
    return classNid === 0 ? own : addTotals(own, await this.at(reader, 0, pos))
  }

  /** The totals before the batch: read before `flush` writes over them. */
  async #head(reader: Reader, classNid: number): Promise<Totals> {
    let head = this.#heads.get(classNid)
    if (head === undefined) {
      head = await totalsAt(reader, { roomNid: this.#roomNid, classNid, series: '' }, now)
      this.#heads.set(classNid, head)
    }
    return head
  }

  async flush(tx: Tx): Promise<void> {
    const roomNid = this.#roomNid
    for (const [classNid, growth] of this.#room) {
      await write(tx, { roomNid, classNid, series: '' }, await this.#head(tx, classNid), growth)
    }
    for (const [series, byClass] of this.#threads) {
      let last = 0
      for (const [classNid, growth] of byClass) {
        const key = { roomNid, classNid, series }
        await write(tx, key, await totalsAt(tx, key, now), growth)
        last = Math.max(last, growth.marks.at(-1)?.[0] ?? 0)
      }
      await upsertThread(tx, roomNid, series, last)
    }
  }
}

function grow(series: Map<number, Growth>, classNid: number, mark: Mark): void {
  const growth = series.get(classNid) ?? { marks: [], sums: [] }
  growth.sums.push(addMarks(growth.sums.at(-1) ?? noTotals, [mark]))
  growth.marks.push(mark)
  series.set(classNid, growth)
}

async function write(tx: Tx, key: SeriesKey, before: Totals, { marks, sums }: Growth): Promise<void> {
  const pos = marks.at(-1)?.[0] ?? 0
  const after = addTotals(before, sums.at(-1) ?? noTotals)
  await insertTotals(tx, key, { ...after, pos, marks: marks.length === 1 ? undefined : marks })
}
