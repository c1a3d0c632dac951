import { composeAccounts } from '../compose-accounts.ts'
import { composeMedia } from '../compose-media.ts'
import { loadConfig } from '../config/load.ts'
import type { Database } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { openDatabase } from '../db/open.ts'
import { requireServerName } from '../db/server-facts.ts'
import { openStreams } from '../db/streams.ts'
import { createJobs } from '../jobs/jobs.ts'
import type { Media } from '../media/media.ts'
import { systemClock } from '../util/clock.ts'
import { createLog } from '../util/log.ts'
import { createSafeFetch } from '../util/safe-fetch.ts'
import { lockUnlessRunning } from './with-accounts.ts'

/** Lets a command look at the media, beside a server that runs or without one. Nothing of it is started. */
export async function withMedia<T>(configFile: string | undefined, task: (media: Media) => Promise<T>): Promise<T> {
  const { config } = loadConfig(configFile === undefined ? {} : { file: configFile })
  const lock = await lockUnlessRunning(config.database.url, config.data_dir)
  const outbound = createSafeFetch({ allowPrivateAddresses: false, userAgent: 'Ringback' })
  let db: Database | undefined
  try {
    db = openDatabase(config.database.url)
    // A server that runs has brought the schema up to date itself.
    if (lock) await migrate(db, systemClock)
    await requireServerName(db, config.server_name)
    const log = createLog({ ...config.log, level: 'silent' })
    const streams = await openStreams(db)
    const core = { config, serverName: config.server_name, clock: systemClock, log, db, streams, outbound }
    const media = composeMedia(core, { jobs: createJobs(core), accounts: composeAccounts(core) })
    try {
      return await task(media)
    } finally {
      await media.part.stop()
    }
  } finally {
    outbound.close()
    await db?.close()
    await lock?.release()
  }
}
