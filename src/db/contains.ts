import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely'

/** Whether a column holds a text, letters of either case alike as far as the engine knows them: for lists that people search. */
export function contains(column: Expression<string | null>, part: string): RawBuilder<SqlBool> {
  const pattern = `%${part.replace(/[\\%_]/g, '\\$&')}%`
  return sql<SqlBool>`lower(${column}) like lower(${pattern}) escape '\\'`
}
