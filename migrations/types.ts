import { type CreateTableBuilder, sql } from 'kysely'

export type Builder = CreateTableBuilder<string, never>

/** What the two engines spell differently. */
export interface Types {
  readonly engine: 'sqlite' | 'postgres'
  /** Adds an integer primary key that numbers itself. */
  id(table: Builder, column: string): Builder
  readonly blob: 'blob' | 'bytea'
  /** Ends a table without a rowid of its own where the engine has that: smaller for tables that are all key. */
  withoutRowid(table: Builder): Builder
}

export const sqliteTypes: Types = {
  engine: 'sqlite',
  id: (table, column) => table.addColumn(column, 'integer', (c) => c.primaryKey()),
  blob: 'blob',
  withoutRowid: (table) => table.modifyEnd(sql`without rowid`),
}

export const postgresTypes: Types = {
  engine: 'postgres',
  id: (table, column) => table.addColumn(column, 'bigint', (c) => c.primaryKey().generatedByDefaultAsIdentity()),
  blob: 'bytea',
  withoutRowid: (table) => table,
}
