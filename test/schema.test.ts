import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { sql } from 'kysely'
import { testOnDatabases } from './helpers/engines.ts'

/** Tables and columns as the interfaces of `src/db/schema/` declare them; a column type that allows null ends in `?`. */
function declaredColumns(): Map<string, string[]> {
  const folder = new URL('../src/db/schema/', import.meta.url)
  const tables = new Map<string, string[]>()
  for (const file of readdirSync(folder)) {
    const text = readFileSync(new URL(file, folder), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
    for (const [, table, body] of text.matchAll(/^ {2}(\w+): \{([\s\S]*?)\}/gm)) {
      const columns = (body ?? '').split(/[\n;]/).flatMap((line) => {
        const match = /^\s*(\w+): (.+?)\s*$/.exec(line)
        return match?.[1] && match[2] ? [`${match[1]}${/\bnull\b/.test(match[2]) ? '?' : ''}`] : []
      })
      tables.set(table ?? '', columns.sort())
    }
  }
  return tables
}

testOnDatabases('the declared columns are those that the migrations make', async (db) => {
  const rows = await db.read(async (reader) => {
    if (db.engine === 'sqlite') {
      const query = sql<{ table: string; column: string; nullable: number }>`
        select m.name as "table", c.name as "column", (c."notnull" = 0 and c.pk = 0) as nullable
        from sqlite_master m, pragma_table_info(m.name) c where m.type = 'table' and m.name not like 'sqlite_%'`
      return (await query.execute(reader.qb)).rows
    }
    const query = sql<{ table: string; column: string; nullable: number }>`
      select table_name as "table", column_name as "column", (is_nullable = 'YES')::int as nullable
      from information_schema.columns where table_schema = 'public'`
    return (await query.execute(reader.qb)).rows
  })
  const made = new Map<string, string[]>()
  for (const { table, column, nullable } of rows) {
    const columns = made.get(table) ?? []
    columns.push(`${column}${nullable ? '?' : ''}`)
    made.set(table, columns.sort())
  }
  // The full-text index is each engine's own.
  for (const table of made.keys()) if (table.startsWith('search_text')) made.delete(table)
  const declared = declaredColumns()
  assert.deepEqual(new Map([...made].sort()), new Map([...declared].sort()))
})
