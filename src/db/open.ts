import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Log, silentLog } from '../util/log.ts'
import type { Database } from './database.ts'
import { openPostgres } from './postgres.ts'
import { openSqlite } from './sqlite.ts'

/** Opens `sqlite:PATH` or `postgres://...`. */
export function openDatabase(url: string, log: Log = silentLog): Database {
  if (url.startsWith('postgres://') || url.startsWith('postgresql://')) return openPostgres(url)
  const path = url.replace(/^sqlite:/, '')
  mkdirSync(dirname(path), { recursive: true })
  return openSqlite(path, log)
}
