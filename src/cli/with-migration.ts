import { join } from 'node:path'
import { s3OptionsOf } from '../compose-storage.ts'
import { loadConfig } from '../config/load.ts'
import type { Database } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { openDatabase } from '../db/open.ts'
import { requireServerName } from '../db/server-facts.ts'
import type { BlobStore } from '../media/blob-store.ts'
import { type MigrationDeps, type MigrationOutcome, migrateBlobs } from '../media/migration.ts'
import { createSpool } from '../media/spool.ts'
import { createStore, type StorageKind } from '../media/storage.ts'
import { systemClock } from '../util/clock.ts'
import { createLog } from '../util/log.ts'
import { lockUnlessRunning } from './with-accounts.ts'

export interface MigrationRequest extends Pick<MigrationDeps, 'progress' | 'complain'> {
  readonly to: StorageKind
  readonly dryRun: boolean
  readonly skipDamaged: boolean
}

/** Moves the media of the configured database, beside a server that runs or without one. */
export async function withMigration(
  configFile: string | undefined,
  { to, dryRun, skipDamaged, progress, complain }: MigrationRequest,
): Promise<MigrationOutcome> {
  const { config } = loadConfig(configFile === undefined ? {} : { file: configFile })
  const lock = await lockUnlessRunning(config.database.url, config.data_dir)
  const stores: BlobStore[] = []
  let db: Database | undefined
  try {
    db = openDatabase(config.database.url)
    if (lock) await migrate(db, systemClock)
    await requireServerName(db, config.server_name)
    const folder = join(config.data_dir, 'media')
    // That of the server is emptied when it starts.
    const spool = createSpool(join(folder, 'migration'))
    await spool.clear()
    const deps = { folder, spool, clock: systemClock, log: createLog({ ...config.log, level: 'silent' }) }
    const open = (kind: StorageKind) => {
      const store = createStore(kind, { s3: s3OptionsOf(config.media.storage) }, deps)
      stores.push(store)
      return store
    }
    const [target, source] = [open(to), open(to === 's3' ? 'files' : 's3')]
    return await migrateBlobs(
      { db, from: source, to: target, target: to, spool, progress, complain },
      { dryRun, skipDamaged, isAlone: lock !== undefined },
    )
  } finally {
    for (const store of stores) store.close()
    await db?.close()
    await lock?.release()
  }
}
