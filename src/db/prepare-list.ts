import type { Kysely } from 'kysely'
import type { Reader } from './database.ts'
import { type Compilable, prepare } from './prepare.ts'
import type { Schema } from './schema.ts'

type Slots<V> = Record<`v${number}`, V>

const sizes = [1, 8, 32, 128] as const
const largest = 128

/** Compiles a query for a list of values once for each of a few lengths; shorter lists repeat their last value. Rows come in no order. */
export function prepareList<V extends string | number, Row>(
  build: (qb: Kysely<Schema>, values: readonly V[]) => Compilable<Row>,
): (reader: Reader, values: readonly V[]) => Promise<Row[]> {
  const queries = sizes.map((size) => ({
    size,
    query: prepare((qb, p: Slots<V>) => {
      const values = Array.from({ length: size }, (_, i) => p[`v${i}`])
      return build(
        qb,
        values.filter((value) => value !== undefined),
      )
    }),
  }))

  return async (reader, values) => {
    const found: Row[] = []
    for (let from = 0; from < values.length; from += largest) {
      const part = values.slice(from, from + largest)
      const last = part.at(-1)
      const fitting = queries.find(({ size }) => size >= part.length)
      if (last === undefined || fitting === undefined) break
      const slots: Slots<V> = {}
      for (let i = 0; i < fitting.size; i += 1) slots[`v${i}`] = part[i] ?? last
      found.push(...(await fitting.query.all(reader, slots)))
    }
    return found
  }
}
