import { createFederationNetwork } from './compose-federation.ts'
import type { Config } from './config/schema.ts'
import { loadSigningKeys } from './config/signing-key.ts'
import type { AppContext, Core } from './context.ts'
import type { Database } from './db/database.ts'
import { migrate } from './db/migrate.ts'
import { openDatabase } from './db/open.ts'
import { lockDatabase } from './db/process-lock.ts'
import { requireServerName } from './db/server-facts.ts'
import { openStreams } from './db/streams.ts'
import type { FederationNetwork } from './federation/client/network.ts'
import { createRateLimiter } from './http/rate-limit.ts'
import { createServices } from './services.ts'
import { systemClock, type TimerClock } from './util/clock.ts'
import { createLog, type Log } from './util/log.ts'
import { createSafeFetch } from './util/safe-fetch.ts'

/** What tests replace. */
export interface ContextOptions {
  readonly clock?: TimerClock
  readonly log?: Log
  readonly network?: Partial<Pick<FederationNetwork, 'dns' | 'ports'>>
}

/** Opens the storage and composes all services. Throws a `StartupError` or `SchemaError` where the operator must do something. */
export async function createContext(config: Config, options: ContextOptions = {}): Promise<AppContext> {
  const lock = await lockDatabase(config.database.url, config.data_dir)
  let db: Database | undefined
  try {
    const log = options.log ?? createLog(config.log)
    db = openDatabase(config.database.url, log)
    const opened = db
    const core = await openCore(config, { ...options, log }, opened)
    const services = createServices(core)
    const close = async () => {
      core.outbound.close()
      core.network.fetch.close()
      await opened.close()
      await lock.release()
    }
    return { ...core, ...services, close }
  } catch (error) {
    await db?.close()
    await lock.release()
    throw error
  }
}

async function openCore(config: Config, options: ContextOptions & { readonly log: Log }, db: Database): Promise<Core> {
  const clock = options.clock ?? systemClock
  const keys = loadSigningKeys(config.data_dir)
  await migrate(db, clock)
  await requireServerName(db, config.server_name)
  return {
    config,
    serverName: config.server_name,
    clock,
    log: options.log,
    db,
    streams: await openStreams(db),
    signingKeys: keys.current,
    oldSigningKeys: keys.old,
    outbound: createSafeFetch({
      allowPrivateAddresses: config.outbound.allow_private_addresses,
      userAgent: 'Ringback',
    }),
    network: createFederationNetwork(config, options.network),
    limiter: createRateLimiter(clock, { enabled: config.rate_limits.enabled, limits: config.rate_limits }),
  }
}
