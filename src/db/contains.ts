import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely'

/** Whether a column holds a text, letters of either case alike where the engine does so: for lists that people search. */
export function contains(column: Expression<string | null>, part: string): RawBuilder<SqlBool> {
  return sql<SqlBool>`${column} like ${`%${part.replace(/[\\%_]/g, '\\$&')}%`} escape '\\'`
}
