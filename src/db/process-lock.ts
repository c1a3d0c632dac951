import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
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

const retryMs = 1000
/** The session of a server that was killed may hold the lock for a moment. */
const patienceMs = 2000
/** After a break our own old session may do so, and the network may hide its end for longer. */
const retakeMs = 15_000

/** The lock lives in a session of its own. When that breaks it is taken again, unless another server was faster. */
async function lockPostgres(url: string): Promise<ProcessLock> {
  let released = false
  let session = await open(patienceMs)

  async function open(lockTimeoutMs: number): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
    let isHeld = false
    client.on('error', () => {
      if (isHeld) retake().catch(endProcess)
    })
    try {
      await client.connect()
      await client.query(`set lock_timeout = ${lockTimeoutMs}`)
      await client.query("select pg_advisory_lock(hashtext('ringback'), hashtext(current_schema()))")
      isHeld = true
      return client
    } catch (error) {
      await client.end()
      if (!(error instanceof pg.DatabaseError) || error.code !== '55P03') throw error
      throw new StartupError('Another Ringback is already running on this PostgreSQL database.')
    }
  }

  async function retake(): Promise<void> {
    while (!released) {
      try {
        session = await open(retakeMs)
        if (released) await session.end()
        return
      } catch (error) {
        if (error instanceof StartupError) throw error
      }
      await wait(retryMs, undefined, { ref: false })
    }
  }

  return {
    release: async () => {
      released = true
      await session.end()
    },
  }
}

/** Two servers that write to one database would destroy it. */
function endProcess(reason: unknown): void {
  process.nextTick(() => {
    throw reason
  })
}
