import { type RawBuilder, sql } from 'kysely'
import { yieldNow } from '../util/async.ts'
import type { Database, Tx } from './database.ts'
import type { Schema } from './schema.ts'

/** A transaction holds up all others, and on SQLite everything: so many ms of work are enough. */
const longestWrite = 5
/** With fewer rows what each write costs by itself would be most of it. */
const smallestPage = 20
const largestPage = 150

/** Learns how much fits a transaction: `limit` rows, as long as each page says how long it took (ms). */
class PageSize {
  limit = smallestPage

  took(ms: number): void {
    if (ms > longestWrite) this.limit = Math.max(smallestPage, Math.floor(this.limit / 2))
    else if (ms < longestWrite / 2) this.limit = Math.min(largestPage, Math.ceil(this.limit * 1.25))
  }
}

/**
 * Runs short writes, each for at most `limit` rows, until one has found fewer to do. Others run in between. `prepare` comes before
 * each of them.
 */
export async function inPages(
  db: Database,
  label: string,
  signal: AbortSignal,
  work: (tx: Tx, limit: number) => Promise<number>,
  prepare?: () => Promise<void>,
): Promise<void> {
  const size = new PageSize()
  for (let done = 0, limit = 0; done === limit; await yieldNow()) {
    signal.throwIfAborted()
    await prepare?.()
    limit = size.limit
    done = await db.write(label, async (tx) => {
      const began = performance.now()
      const count = await work(tx, limit)
      size.took(performance.now() - began)
      return count
    })
  }
}

/** Rows that are to go: deletes at most `limit` of them and returns how many. */
export type DoomedRows = (tx: Tx, limit: number) => Promise<number>

/** The rows of a table that `where` holds for. `key` is its primary key. */
export function rowsOf<Table extends keyof Schema & string>(
  table: Table,
  key: readonly (keyof Schema[Table] & string)[],
  where: RawBuilder<unknown>,
): DoomedRows {
  const columns = sql.join(key.map((column) => sql.ref(column)))
  const name = sql.table(table)
  return async (tx, limit) => {
    const result = await sql`delete from ${name} where (${columns}) in
      (select ${columns} from ${name} where ${where} limit ${limit})`.execute(tx.qb)
    return Number(result.numAffectedRows ?? 0)
  }
}

/** Deletes rows of one table after the other, in short writes. */
export async function deleteRows(
  db: Database,
  label: string,
  signal: AbortSignal,
  doomed: readonly DoomedRows[],
): Promise<void> {
  for (const rows of doomed) await inPages(db, label, signal, rows)
}
