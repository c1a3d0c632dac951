import type { Reader } from '../db/database.ts'
import { getLastTotals, getNextTotals, type Mark, type SeriesKey, type Totals } from './store-totals.ts'
import { minus, nothing, plus, type Tally } from './tally.ts'

/** Later than every position. */
export const now = Number.MAX_SAFE_INTEGER

export const noTotals: Totals = { all: nothing, threads: nothing }

export const addTotals = (a: Totals, b: Totals): Totals => ({
  all: plus(a.all, b.all),
  threads: plus(a.threads, b.threads),
})
export const mainOf = ({ all, threads }: Totals): Tally => minus(all, threads)

export function addMarks({ all, threads }: Totals, marks: readonly Mark[]): Totals {
  return {
    all: marks.reduce((sum, [, n, h]) => plus(sum, { n, h }), all),
    threads: marks.reduce((sum, [, n, h, inThread]) => (inThread === 1 ? plus(sum, { n, h }) : sum), threads),
  }
}

/** The totals of a series once everything up to `pos` was in. */
export async function totalsAt(reader: Reader, key: SeriesKey, pos: number): Promise<Totals> {
  const last = (await getLastTotals(reader, key, pos)) ?? noTotals
  if (pos === now) return last
  const next = await getNextTotals(reader, key, pos)
  return addMarks(last, next?.marks?.filter(([at]) => at <= pos) ?? [])
}

/** The totals that count for a class: those of the default rules with the class's difference. */
export async function classTotalsAt(reader: Reader, roomNid: number, classNid: number, pos: number): Promise<Totals> {
  const totals = await totalsAt(reader, { roomNid, classNid: 0, series: '' }, pos)
  return classNid === 0 ? totals : addTotals(totals, await totalsAt(reader, { roomNid, classNid, series: '' }, pos))
}

/** What one event counts in the whole room's series of a class. */
export async function markAt(reader: Reader, roomNid: number, classNid: number, pos: number): Promise<Tally> {
  const key = { roomNid, classNid, series: '' }
  const [before, after] = [await totalsAt(reader, key, pos - 1), await totalsAt(reader, key, pos)]
  return minus(after.all, before.all)
}
