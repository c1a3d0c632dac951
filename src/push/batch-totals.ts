import type { Reader, Tx } from '../db/database.ts'
import { insertTotals, type Mark, type SeriesKey, type Totals, upsertThread } from './store-totals.ts'
import { isNothing, minus, nothing, type Tally } from './tally.ts'
import { addMarks, addTotals, noTotals, now, totalsAt } from './totals.ts'

/** The totals of a room while one batch of events adds to them. Events are added in the order of their positions. */
export class BatchTotals {
  readonly #roomNid: number
  readonly #marks = new Map<number, Mark[]>()
  readonly #threads = new Map<string, Map<number, Mark[]>>()
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
      append(this.#marks, classNid, mark)
      if (threadId === undefined) continue
      const thread = this.#threads.get(threadId) ?? new Map<number, Mark[]>()
      append(thread, classNid, mark)
      this.#threads.set(threadId, thread)
    }
  }

  /** The whole room's totals for a class once the batch's events up to `pos` are in. */
  async at(reader: Reader, classNid: number, pos: number): Promise<Totals> {
    const own = addMarks(
      await this.#head(reader, classNid),
      (this.#marks.get(classNid) ?? []).filter(([at]) => at <= pos),
    )
    return classNid === 0 ? own : addTotals(own, await this.at(reader, 0, pos))
  }

  /** Must have been asked for before `flush`, or be read by it. */
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
    for (const [classNid, marks] of this.#marks) {
      await write(tx, { roomNid, classNid, series: '' }, await this.#head(tx, classNid), marks)
    }
    for (const [series, byClass] of this.#threads) {
      let last = 0
      for (const [classNid, marks] of byClass) {
        const key = { roomNid, classNid, series }
        await write(tx, key, await totalsAt(tx, key, now), marks)
        last = Math.max(last, marks.at(-1)?.[0] ?? 0)
      }
      await upsertThread(tx, roomNid, series, last)
    }
  }
}

function append(lists: Map<number, Mark[]>, classNid: number, mark: Mark): void {
  const list = lists.get(classNid)
  if (list === undefined) lists.set(classNid, [mark])
  else list.push(mark)
}

async function write(tx: Tx, key: SeriesKey, before: Totals, marks: readonly Mark[]): Promise<void> {
  const pos = marks.at(-1)?.[0] ?? 0
  const after = addMarks(before ?? noTotals, marks)
  await insertTotals(tx, key, { ...after, pos, marks: marks.length === 1 ? undefined : marks })
}
