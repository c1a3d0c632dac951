import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import SQLite from 'better-sqlite3'
import pg from 'pg'
import { StartupError } from '../util/part.ts'

export interface ProcessLock {
  release(): Promise<void>
}

/**
 * Makes sure that one process at a time serves a database. The lock dies with the process, however it ends. Throws a
 * `StartupError` while another one has it.
 */
export function lockDatabase(databaseUrl: string, dataDir: string): Promise<ProcessLock> {
  return /^postgres(ql)?:/.test(databaseUrl) ? lockPostgres(databaseUrl) : lockFolder(dataDir)
}

async function lockFolder(dataDir: string): Promise<ProcessLock> {
  let handle: SQLite.Database | undefined
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    handle = new SQLite(join(dataDir, 'process.lock'), { timeout: 0 })
    handle.pragma('journal_mode = memory')
    handle.exec('begin exclusive')
  } catch (error) {
    handle?.close()
    const isBusy = error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_BUSY')
    throw isBusy ? new StartupError(`Another Ringback is already running on ${dataDir}.`) : error
  }
  const held = handle
  return { release: async () => void held.close() }
}

async function lockPostgres(url: string): Promise<ProcessLock> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  // When the connection breaks the lock is gone, and so are the connections that write: they report it.
  client.on('error', () => {})
  await client.connect()
  const { rows } = await client.query<{ locked: boolean }>(
    "select pg_try_advisory_lock(hashtext('ringback'), hashtext(current_schema())) as locked",
  )
  if (rows[0]?.locked !== true) {
    await client.end()
    throw new StartupError('Another Ringback is already running on this PostgreSQL database.')
  }
  return { release: () => client.end() }
}
