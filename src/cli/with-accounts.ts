import type { Accounts } from '../accounts/accounts.ts'
import { composeAccounts } from '../compose-accounts.ts'
import { loadConfig } from '../config/load.ts'
import type { Database } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { openDatabase } from '../db/open.ts'
import { lockDatabase, type ProcessLock } from '../db/process-lock.ts'
import { requireServerName } from '../db/server-facts.ts'
import { openStreams } from '../db/streams.ts'
import type { ServerName } from '../matrix/ids.ts'
import { systemClock } from '../util/clock.ts'
import { createLog } from '../util/log.ts'
import { StartupError } from '../util/part.ts'

/** Lets a command work with the accounts, beside a server that runs or without one. */
export async function withAccounts<T>(
  configFile: string | undefined,
  task: (accounts: Accounts, serverName: ServerName) => Promise<T>,
): Promise<T> {
  const { config } = loadConfig(configFile === undefined ? {} : { file: configFile })
  const lock = await lockUnlessRunning(config.database.url, config.data_dir)
  let db: Database | undefined
  try {
    db = openDatabase(config.database.url)
    // A server that runs has brought the schema up to date itself.
    if (lock) await migrate(db, systemClock)
    await requireServerName(db, config.server_name)
    const streams = await openStreams(db)
    const log = createLog({ ...config.log, level: 'silent' })
    const core = { config, serverName: config.server_name, clock: systemClock, log, db, streams }
    return await task(composeAccounts(core), config.server_name)
  } finally {
    await db?.close()
    await lock?.release()
  }
}

/** Undefined while a server runs. */
export async function lockUnlessRunning(databaseUrl: string, dataDir: string): Promise<ProcessLock | undefined> {
  try {
    return await lockDatabase(databaseUrl, dataDir)
  } catch (error) {
    if (error instanceof StartupError) return undefined
    throw error
  }
}
