import { AsyncLocalStorage } from 'node:async_hooks'
import type { Kysely } from 'kysely'
import type { Schema } from './schema.ts'

export type Engine = 'sqlite' | 'postgres'

export interface Result<Row> {
  readonly rows: Row[]
  /** Rows that an insert, update or delete touched; 0 for a select. */
  readonly changes: number
}

/** One consistent snapshot of the database. `qb` builds and executes queries on it. */
export interface Reader {
  readonly engine: Engine
  readonly qb: Kysely<Schema>
  execute<Row>(sql: string, parameters: readonly unknown[]): Promise<Result<Row>>
}

/** Who is to be woken when a write has been committed. */
export interface Wake {
  rooms?: readonly string[]
  users?: readonly string[]
}

/** A write in progress. Functions that change rows take a `Tx`, so that they cannot be called outside `Database.write`. */
export interface Tx extends Reader {
  readonly writable: true
  /** Runs once the write is on disk, never when it failed. Must not throw. */
  afterCommit(callback: () => void): void
}

export function isTx(reader: Reader): reader is Tx {
  return 'writable' in reader
}

/**
 * Keeps what a snapshot or a transaction has shown, for a cache: at once where it is committed, else when it is. What
 * is rolled back is forgotten, and so are the numbers that rows had in it.
 */
export function onceCommitted(reader: Reader, keep: () => void): void {
  if (isTx(reader)) reader.afterCommit(keep)
  else keep()
}

export interface Database {
  readonly engine: Engine
  /** Runs `fn` on a snapshot of what is committed. */
  read<T>(fn: (reader: Reader) => Promise<T>): Promise<T>
  /**
   * Runs `fn` after all earlier writes, and resolves when its changes are on disk. `fn` makes database calls only:
   * other writers wait for it. When it throws, nothing of it remains.
   */
  write<T>(label: string, fn: (tx: Tx) => Promise<T>): Promise<T>
  /** Lets the engine refresh what its query planner knows. */
  optimize(): Promise<void>
  close(): Promise<void>
}

const current = new AsyncLocalStorage<string>()

/** Runs `fn` so that a nested read or write fails at once instead of waiting for itself. */
export function guardNesting<T>(label: string, fn: () => Promise<T>): Promise<T> {
  return current.run(label, fn)
}

export function refuseNesting(label: string): void {
  const outer = current.getStore()
  if (outer !== undefined) throw new Error(`database ${label} inside ${outer}: pass the reader or the transaction on`)
}
