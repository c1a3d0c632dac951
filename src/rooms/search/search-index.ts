import type { Engine } from '../../db/database.ts'
import type { SearchIndex } from './index-types.ts'
import { postgresIndex } from './store-index-postgres.ts'
import { sqliteIndex } from './store-index-sqlite.ts'

export function searchIndexOf(engine: Engine): SearchIndex {
  return engine === 'sqlite' ? sqliteIndex : postgresIndex
}
