import { join } from 'node:path'
import { type Accounts, createAccounts } from './accounts/accounts.ts'
import { readRegistrations } from './accounts/appservices/read-registrations.ts'
import { createIdentity, type Identity } from './accounts/identity.ts'
import { type Admin, createAdmin } from './admin/admin.ts'
import { type AppserviceRuntime, createAppserviceRuntime } from './bots/appservices/runtime.ts'
import { findProgram } from './config/find-program.ts'
import { mailServerOf } from './config/mail-server.ts'
import type { Config } from './config/schema.ts'
import { loadSigningKeys } from './config/signing-key.ts'
import type { Database } from './db/database.ts'
import { migrate } from './db/migrate.ts'
import { openDatabase } from './db/open.ts'
import { lockDatabase } from './db/process-lock.ts'
import { requireServerName } from './db/server-facts.ts'
import { openStreams, type Streams } from './db/streams.ts'
import { createE2ee, type E2ee } from './e2ee/e2ee.ts'
import { createRateLimiter, type RateLimiter } from './http/rate-limit.ts'
import { createJobs, type Jobs } from './jobs/jobs.ts'
import { createMailQueue, type MailQueue } from './jobs/mail.ts'
import { makeUserId, type ServerName } from './matrix/ids.ts'
import type { SigningKey } from './matrix/signing.ts'
import { createMedia, type Media, type MediaOptions } from './media/media.ts'
import { createPush, type Push } from './push/push.ts'
import { withPushRules } from './push/sync-rules.ts'
import { createPresence, type Presence } from './rooms/presence/presence.ts'
import { createRooms, type Rooms } from './rooms/rooms.ts'
import { createOldSync, type OldSync } from './sync/old/old-sync.ts'
import { createSync, type Sync } from './sync/sync.ts'
import { systemClock, type TimerClock } from './util/clock.ts'
import { createLog, type Log } from './util/log.ts'
import { createMailer } from './util/mailer.ts'
import type { Part } from './util/part.ts'
import { createSafeFetch, type SafeFetch } from './util/safe-fetch.ts'
import { createTurn, type Turn } from './voip/turn.ts'

/** Everything that routes and services reach: one of each, made once. */
export interface AppContext extends Identity {
  readonly config: Config
  readonly serverName: ServerName
  readonly clock: TimerClock
  readonly log: Log
  readonly db: Database
  readonly streams: Streams
  /** The first signs; the others are only published. */
  readonly signingKeys: readonly [SigningKey, ...SigningKey[]]
  readonly limiter: RateLimiter
  /** Requests to addresses that others chose. */
  readonly outbound: SafeFetch
  readonly jobs: Jobs
  readonly mail: MailQueue
  readonly accounts: Accounts
  readonly media: Media
  readonly e2ee: E2ee
  readonly rooms: Rooms
  readonly presence: Presence
  readonly push: Push
  readonly sync: Sync
  readonly oldSync: OldSync
  readonly turn: Turn
  readonly admin: Admin
  readonly appservices: AppserviceRuntime
  /** Reads the registration files again. Throws a `ConfigError`. */
  reloadAppservices(): Promise<void>
  /** What runs as long as the server does, in the order of its start. */
  readonly parts: readonly Part[]
  /** Closes the database and gives up the lock; parts have been stopped before. */
  close(): Promise<void>
}

/** What tests replace. */
export interface ContextOptions {
  readonly clock?: TimerClock
  readonly log?: Log
}

/** Opens the storage and composes all services. Throws a `StartupError` or `SchemaError` where the operator must do something. */
export async function createContext(config: Config, options: ContextOptions = {}): Promise<AppContext> {
  const lock = await lockDatabase(config.database.url, config.data_dir)
  let db: Database | undefined
  try {
    db = openDatabase(config.database.url)
    const opened = db
    const core = await openCore(config, options, opened)
    const services = createServices(core)
    const close = async () => {
      core.outbound.close()
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

type Core = Pick<
  AppContext,
  'config' | 'serverName' | 'clock' | 'log' | 'db' | 'streams' | 'signingKeys' | 'limiter' | 'outbound'
>

async function openCore(config: Config, options: ContextOptions, db: Database): Promise<Core> {
  const clock = options.clock ?? systemClock
  await migrate(db, clock)
  await requireServerName(db, config.server_name)
  return {
    config,
    serverName: config.server_name,
    clock,
    log: options.log ?? createLog(config.log),
    db,
    streams: await openStreams(db),
    signingKeys: loadSigningKeys(config.data_dir),
    outbound: createSafeFetch({
      allowPrivateAddresses: config.outbound.allow_private_addresses,
      userAgent: 'Ringback',
    }),
    limiter: createRateLimiter(clock, { enabled: config.rate_limits.enabled, limits: config.rate_limits }),
  }
}

/** The accounts alone, as the command line also uses them. */
export function composeAccounts(
  core: Pick<Core, 'config' | 'serverName' | 'clock' | 'log' | 'db' | 'streams'>,
): Accounts {
  const { registration, sessions, server_notices: notices } = core.config
  const { memory, passes } = registration.password_hash
  return createAccounts({
    ...core,
    options: {
      serverName: core.serverName,
      passwordCost: { memoryKib: Math.ceil(memory / 1024), passes },
      minPasswordLength: registration.min_password_length,
      lifetimes: {
        refreshable: sessions.access_token_lifetime,
        unrefreshable: sessions.unrefreshable_token_lifetime,
        dormant: sessions.refresh_token_lifetime,
      },
      loginTokenLifetime: sessions.login_token_lifetime,
      uiaLifetime: sessions.uia_lifetime,
      openidLifetime: sessions.openid_token_lifetime,
      providerIds: core.config.sso.providers.map(({ id }) => id),
      noticesUser: notices.enabled ? makeUserId(notices.localpart, core.serverName) : undefined,
    },
  })
}

function previewFetch({ outbound }: Config): SafeFetch {
  return createSafeFetch({
    allowPrivateAddresses: outbound.allow_private_addresses,
    userAgent: 'Mozilla/5.0 (compatible; Ringback; bot)',
  })
}

function mediaOptions({ config, serverName }: Core): MediaOptions {
  const { media, data_dir: dataDir } = config
  return {
    serverName,
    folder: join(dataDir, 'media'),
    maxUpload: media.max_upload,
    quotas: media.quotas,
    refusedTypes: media.refused_types,
    maxPending: media.max_pending_uploads,
    pendingLifetime: media.pending_upload_lifetime,
    sweepInterval: media.sweep_interval,
    maxPixels: media.thumbnails.max_pixels,
    previews: { ...media.url_previews, cacheFor: media.url_previews.cache_for },
    hasFfmpeg: findProgram('ffmpeg') !== undefined,
  }
}

/** Features in the order of their dependencies; later ones hook into earlier ones here. */
function createServices(core: Core) {
  const { config } = core
  const jobs = createJobs(core)
  jobs.handle('database.optimize', () => core.db.optimize())
  jobs.schedule('17 4 * * *', 'database.optimize')
  const mailServer = mailServerOf(config)
  const mailer = mailServer && createMailer(mailServer)
  const mail = createMailQueue({ ...core, jobs, mailer, appName: config.mail.app_name })
  const accounts = composeAccounts(core)
  const registrations = () => readRegistrations(config.appservices.registration_files)
  accounts.appservices.replace(registrations())
  const media = createMedia({ ...core, jobs, accounts, fetch: previewFetch(config), options: mediaOptions(core) })
  accounts.onDeactivate(media.userDeactivated)
  const identity = createIdentity({ ...core, jobs, mail, accounts })
  const e2ee = createE2ee({ ...core, devices: accounts.devices })
  accounts.onSessionEnd(e2ee.deviceRemoved)
  accounts.onDeviceRename(e2ee.deviceRenamed)
  accounts.onDeactivate(e2ee.userDeactivated)
  accounts.checkDeviceIds(e2ee.checkDeviceId)
  const rooms = createRooms({
    ...core,
    jobs,
    accounts,
    identityServers: identity.identityServers,
    fetch: core.outbound,
    options: {
      serverName: core.serverName,
      signingKey: core.signingKeys[0],
      defaultVersion: config.rooms.default_version,
      extraPowerLevels: config.rooms.event_power_levels,
      findLocalAddresses: config.identity.find_local_addresses,
    },
  })
  const presence = createPresence({
    ...core,
    accounts,
    view: rooms.reads.view,
    localMembers: rooms.localMembers,
    enabled: config.presence.enabled,
  })
  rooms.onPersist(presence.hook)
  rooms.receipts.onReceipt(presence.acted)
  accounts.onSessionEnd(presence.deviceRemoved)
  accounts.onDeactivate(presence.userDeactivated)
  const push = createPush({ ...core, accounts, reads: rooms.reads })
  rooms.onPersist(push.hook)
  rooms.receipts.onReceipt(push.receiptMoved)
  accounts.accountData.onChange(push.accountDataChanged)
  accounts.onSessionEnd(push.deviceRemoved)
  accounts.onDeactivate(push.userDeactivated)
  const syncedAccountData = withPushRules(accounts.accountData, push.rules)
  const sync = createSync({
    ...core,
    reads: rooms.reads,
    accountData: syncedAccountData,
    ephemeral: rooms,
    threadSubscriptions: rooms.threadSubscriptions,
    presence: presence.news,
    localMembers: rooms.localMembers,
    e2ee,
    push,
  })
  accounts.onSessionEnd(sync.sliding.deviceRemoved)
  rooms.membership.onForget(sync.sliding.roomForgotten)
  jobs.handle('sliding-sync.expire', sync.sliding.expire)
  jobs.schedule('47 4 * * *', 'sliding-sync.expire')
  const oldSync = createOldSync({
    ...core,
    reads: rooms.reads,
    timeline: rooms.timeline,
    accountData: syncedAccountData,
    presence: presence.news,
    waiters: sync.waiters,
  })
  const turn = createTurn(core.clock, config.voip.turn)
  const admin = createAdmin({ ...core, accounts, rooms, notices: config.server_notices })
  const appservices = createAppserviceRuntime({ ...core, accounts, rooms, presence: presence.news, e2ee })
  const reloadAppservices = async () => appservices.reload(registrations())
  const parts = [
    jobs.part,
    accounts.part,
    media.part,
    rooms.part,
    presence.part,
    push.delivery.part,
    sync.part,
    oldSync.part,
    appservices.part,
  ]
  return {
    jobs,
    mail,
    accounts,
    ...identity,
    media,
    e2ee,
    rooms,
    presence,
    push,
    sync,
    oldSync,
    turn,
    admin,
    appservices,
    reloadAppservices,
    parts,
  }
}
