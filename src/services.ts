import { readRegistrations } from './accounts/appservices/read-registrations.ts'
import { createIdentity } from './accounts/identity.ts'
import { createAdmin } from './admin/admin.ts'
import { createAppserviceRuntime } from './bots/appservices/runtime.ts'
import { createBotPurgeHook } from './bots/purge-hook.ts'
import { createBotRuntime } from './bots/runtime/runtime.ts'
import { composeAccounts } from './compose-accounts.ts'
import { composeCalls } from './compose-calls.ts'
import { composeDelayedEvents } from './compose-delayed.ts'
import { composeEdus } from './compose-edus.ts'
import { composeFederationClient, composeOwnPolicy } from './compose-federation.ts'
import { composeLivekit } from './compose-livekit.ts'
import { composeMedia } from './compose-media.ts'
import { composeRemote } from './compose-remote.ts'
import { composeSender } from './compose-sender.ts'
import { composeVoicemail } from './compose-voicemail.ts'
import { mailServerOf } from './config/mail-server.ts'
import type { Core } from './context.ts'
import { createE2ee } from './e2ee/e2ee.ts'
import { createJobs } from './jobs/jobs.ts'
import { createMailQueue } from './jobs/mail.ts'
import { createPushPurgeHook } from './push/purge-hook.ts'
import { createPush } from './push/push.ts'
import { withPushRules } from './push/sync-rules.ts'
import { createPresence } from './rooms/presence/presence.ts'
import { createRooms } from './rooms/rooms.ts'
import { createOldSync } from './sync/old/old-sync.ts'
import { createSync } from './sync/sync.ts'
import { createMailer } from './util/mailer.ts'
import { createLive } from './voip/live/live.ts'
import { createVoipPurgeHook } from './voip/purge-hook.ts'
import { createTurn } from './voip/turn.ts'
import { createWebhooks } from './voip/webhooks/webhooks.ts'

/** Features in the order of their dependencies; later ones hook into earlier ones here. */
export function createServices(core: Core) {
  const { config } = core
  const jobs = createJobs(core)
  jobs.handle('database.optimize', () => core.db.optimize())
  jobs.schedule('17 4 * * *', 'database.optimize')
  const mailServer = mailServerOf(config)
  const mailer = mailServer && createMailer(mailServer)
  const mail = createMailQueue({ ...core, jobs, mailer, appName: config.mail.app_name })
  const federationClient = composeFederationClient(core)
  const accounts = composeAccounts(core)
  const registrations = () => readRegistrations(config.appservices.registration_files)
  accounts.appservices.replace(registrations())
  const media = composeMedia(core, { jobs, accounts })
  if (config.federation.enabled) composeRemote(core, federationClient, { accounts, media })
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
    attachMedia: media.delivery.attach,
    fetch: core.outbound,
    federation: config.federation.enabled ? { ...federationClient, ownPolicy: composeOwnPolicy(core) } : undefined,
    options: {
      serverName: core.serverName,
      signingKey: core.signingKeys[0],
      defaultVersion: config.rooms.default_version,
      extraPowerLevels: config.rooms.event_power_levels,
      maxComplexity: config.rooms.max_remote_complexity,
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
  rooms.onPersist(media.delivery.followRooms(rooms.reads))
  const { purgeHook } = media.delivery
  rooms.purging.onPurge({
    events: purgeHook.events,
    room: (room) => core.db.write('purge media policy', (tx) => purgeHook.policy(tx, room)),
  })
  rooms.onPersist(presence.hook)
  rooms.receipts.onReceipt(presence.acted)
  accounts.onSessionEnd(presence.deviceRemoved)
  accounts.onDeactivate(presence.userDeactivated)
  const push = createPush({
    ...core,
    accounts,
    reads: rooms.reads,
    mail,
    signingKey: core.signingKeys[0],
    linkTo: (path) => config.public_url + path,
  })
  rooms.onPersist(push.hook)
  rooms.purging.onPurge(createPushPurgeHook(core.db))
  rooms.receipts.onReceipt(push.receiptMoved)
  accounts.accountData.onChange(push.accountDataChanged)
  accounts.onSessionEnd(push.deviceRemoved)
  accounts.onDeactivate(push.userDeactivated)
  accounts.onThreepidRemoved(push.threepidRemoved)
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
  const { sender, federation } = composeSender(core, federationClient, { jobs, media, rooms, e2ee, presence })
  const {
    edus,
    drainDeviceLists,
    part: deviceLists,
  } = composeEdus(core, federation, {
    jobs,
    media,
    rooms,
    e2ee,
    presence,
    sender,
  })
  const turn = createTurn(core.clock, config.voip.turn)
  const live = createLive({ ...core, authenticate: accounts.authenticate })
  accounts.onDeactivate(live.userDeactivated)
  jobs.handle('live.expire', live.expire)
  jobs.schedule('27 4 * * *', 'live.expire')
  const webhooks = createWebhooks({ ...core, jobs })
  const calls = composeCalls(core, { jobs, accounts, rooms, live, webhooks })
  rooms.purging.onPurge(createVoipPurgeHook(core.db))
  rooms.purging.onPurge(createBotPurgeHook(core.db))
  const delayed = composeDelayedEvents(core, { accounts, rooms, calls })
  const livekit = composeLivekit(core, federation, { jobs, accounts, rooms, sender, calls, delayed })
  const admin = createAdmin({ ...core, jobs, sender, accounts, media, rooms, notices: config.server_notices })
  const appservices = createAppserviceRuntime({ ...core, accounts, rooms, presence: presence.news, e2ee })
  const bots = createBotRuntime({ ...core, accounts, rooms })
  const noteParts = { jobs, accounts, media, rooms, sync, sender, live, webhooks, calls, bots, mailer }
  const { recorder, voicemail, noteArchive } = composeVoicemail(core, noteParts)
  const drain = async () => {
    let before: number
    do {
      before = core.streams.position()
      for (const queue of [delayed, jobs, bots, appservices, sender]) await queue.drain()
      await rooms.ingest?.drain()
      await voicemail.idle()
    } while (core.streams.position() !== before)
  }
  const reloadAppservices = async () => appservices.reload(registrations())
  const parts = [
    // Before the jobs, which would look for who handles what was removed.
    webhooks.part,
    jobs.part,
    accounts.part,
    identity.renewals.part,
    media.part,
    rooms.part,
    presence.part,
    push.delivery.part,
    sync.part,
    oldSync.part,
    sender.part,
    deviceLists,
    appservices.part,
    bots.part,
    voicemail.part,
    live.sockets.part,
    delayed.part,
  ]
  return {
    jobs,
    mail,
    federation,
    sender,
    edus,
    drainDeviceLists,
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
    livekit,
    live,
    webhooks,
    calls,
    delayed,
    admin,
    appservices,
    recorder,
    bots,
    voicemail,
    noteArchive,
    drain,
    reloadAppservices,
    parts,
  }
}
