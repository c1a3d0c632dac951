import { createSharedLock } from '../util/shared-lock.ts'
import { createRoomEvents } from './actions/events.ts'
import { createRoomBlocks } from './blocks/blocks.ts'
import type { Bundler } from './client-event.ts'
import { createRoomCreation } from './creation/create-room.ts'
import { createRoomUpgrade } from './creation/upgrade-room.ts'
import { createAliases } from './directory/aliases.ts'
import { createPublicRooms } from './directory/public-rooms.ts'
import { createRemoteDirectory } from './directory/remote-directory.ts'
import { createRoomList } from './directory/room-list.ts'
import { createDirectoryEntries } from './discovery/directory-entries.ts'
import { createDiscovery } from './discovery/discovery.ts'
import { createReadMarkers } from './ephemeral/read-markers.ts'
import { createReceipts } from './ephemeral/receipts.ts'
import { createTyping } from './ephemeral/typing.ts'
import { createTypingRequests } from './ephemeral/typing-requests.ts'
import { createErasures } from './erasure/erasures.ts'
import { createEventCache } from './event-cache.ts'
import { createFederatedRooms } from './federated-rooms.ts'
import { createHistoryFiller } from './history/filler.ts'
import { createResolutions } from './ingest/resolutions.ts'
import { createLocalMembers } from './local-members.ts'
import { createAccountFollower } from './membership/follow-accounts.ts'
import { createGuestAccessFollower } from './membership/follow-guest-access.ts'
import { carryAccountData, createUpgradeFollower, type UpgradeHook } from './membership/follow-upgrade.ts'
import { createInviteUser } from './membership/invite.ts'
import { createMembership } from './membership/membership.ts'
import { createRemovalRedaction } from './membership/redact-removed.ts'
import { createWholeRooms } from './partial/whole-rooms.ts'
import { createPeople } from './people.ts'
import { createFindPolicy } from './policy/find-policy.ts'
import { createRoomPolicies, type RoomPolicies } from './policy/policies.ts'
import { createPolicyServing } from './policy/serving.ts'
import { createAskPolicyServer } from './policy/signatures.ts'
import type { RoomFederation, Rooms, RoomsDeps } from './ports.ts'
import { createPurging } from './purge/purge.ts'
import { createRoomReading } from './reading.ts'
import { createRelations } from './relations/relations.ts'
import { createThreadSubscriptions } from './relations/subscriptions.ts'
import { withEndings } from './remote/endings.ts'
import { createMeasureComplexity } from './remote/own-complexity.ts'
import type { RoomView } from './room-view.ts'
import { createRoomWriter } from './room-writer.ts'
import { createSearchIndexer } from './search/indexer.ts'
import { createEventSearch } from './search/search.ts'
import { createStates } from './states.ts'
import { createStickyHook } from './sticky/sticky-hook.ts'
import { createAddressInvites } from './third-party/address-invites.ts'
import { createExchangeInvites } from './third-party/exchange-invites.ts'
import type { PersistHook } from './types.ts'

export type { RoomAccounts, RoomFederation, Rooms, RoomsDeps, RoomsOptions } from './ports.ts'

/** Composes everything about rooms: what they hold, who may look at it and who may change it. */
export function createRooms(deps: RoomsDeps): Rooms {
  const { db, jobs, streams, clock, log, accounts, federation, options } = deps
  const { serverName, signingKey, defaultVersion, extraPowerLevels } = options
  const states = createStates()
  const events = createEventCache()
  const resolutions = createResolutions({ states, events })
  const bundlers: Bundler[] = []
  const { ignoredUsers } = accounts.accountData
  const blocks = createRoomBlocks({ db, clock })
  const stateLock = createSharedLock()
  const erasures = createErasures({ streams })
  const filler = createHistoryFiller(clock)
  accounts.onDeactivate(erasures.onDeactivate)
  const whole = createWholeRooms({ db, clock })
  const reading = createRoomReading({ db, clock, states, events, bundlers, ignoredUsers, erasures, filler, whole })
  const { view, visibility, clientEvents } = reading.reads
  const relations = createRelations({ db, events, view, visibility, clientEvents, ignoredUsers })
  bundlers.push(relations.bundle)
  const threadSubscriptions = createThreadSubscriptions({ db, streams, view, visibility })
  accounts.onDeactivate(threadSubscriptions.userDeactivated)
  const localMembers = createLocalMembers(db)
  const typing = createTyping({ clock, streams })
  const upgradeHooks: UpgradeHook[] = [carryAccountData(accounts.accountData)]
  const followUpgrade = createUpgradeFollower({ view, isLocalUser: accounts.isLocalUser, hooks: upgradeHooks })
  const userDirectory = createDirectoryEntries({ db, view, accounts })
  const indexer = createSearchIndexer({ db, streams, log })
  const hooks: PersistHook[] = [
    reading.reads.recent.hook,
    createStickyHook({ clock, serverName, events, view }),
    localMembers.hook,
    typing.hook,
    followUpgrade,
    userDirectory.onPersist,
    indexer.hook,
    whole.hook,
  ]
  const policies = federation && composePolicies(deps, federation, view)
  const writer = createRoomWriter({
    db,
    streams,
    clock,
    states,
    events,
    resolutions,
    serverName,
    signingKey,
    hooks,
    policies,
  })
  const people = createPeople(accounts)
  const remoteDirectory = federation && createRemoteDirectory(federation.transport)
  const aliases = createAliases({
    db,
    writer,
    people,
    view,
    serverName,
    appservices: accounts.appservices,
    remote: remoteDirectory,
  })
  const { ingest, remote } = (federation &&
    policies &&
    createFederatedRooms({
      ...deps,
      ...options,
      ...federation,
      states,
      events,
      resolutions,
      hooks,
      writer,
      people,
      view,
      localMembers,
      policies,
      blocks,
      stateLock,
    })) ?? { ingest: undefined, remote: undefined }
  if (ingest !== undefined) filler.use(ingest)
  const inviteUser = createInviteUser({ writer, people, whole, remote: remote?.invites })
  const membership = createMembership({
    db,
    streams,
    writer,
    people,
    aliases,
    inviteUser,
    whole,
    blocks,
    remote: remote?.membership,
  })
  const addressInvites = createAddressInvites({
    ...deps,
    exchange: federation && remote && createExchangeInvites({ ...federation, ...remote, log, serverName }),
    writer,
    view,
    people,
    membership,
    findLocal: options.findLocalAddresses,
  })
  const receipts = createReceipts({ db, streams, clock })
  const follower = createAccountFollower({ db, writer, people, membership, jobs, log })
  accounts.onProfileChange(follower.onProfileChange)
  accounts.onDeactivate(follower.onDeactivate)
  accounts.onProfileChange(userDirectory.onProfileChange)
  accounts.onDeactivate(userDirectory.onDeactivate)
  const guestAccess = createGuestAccessFollower({ db, writer, users: accounts.users, log })
  hooks.push(guestAccess.hook, createRemovalRedaction({ db, jobs, view, events, hooks }))
  return {
    ...reading,
    create: createRoomCreation({
      db,
      clock,
      writer,
      people,
      inviteUser,
      isFederating: federation !== undefined,
      addressInvites,
      log,
      appservices: accounts.appservices,
      serverName,
      defaultVersion,
      extraPowerLevels,
    }),
    upgrade: createRoomUpgrade({ writer, people, inviteUser, view }),
    events: createRoomEvents({ writer, people, inviteUser, attachMedia: deps.attachMedia }),
    membership,
    addressInvites,
    aliases,
    directory: createPublicRooms({ db, people, view, serverName, remote: remoteDirectory }),
    list: createRoomList({ db, view }),
    discovery: createDiscovery({
      db,
      clock,
      serverName,
      reads: reading.reads,
      aliases,
      transport: federation?.transport,
      filler,
    }),
    search: createEventSearch({ db, streams, reads: reading.reads, indexer, ignoredUsers }),
    typing: { ...typing, ...createTypingRequests({ db, typing, people }) },
    relations,
    threadSubscriptions,
    receipts,
    readMarkers: createReadMarkers({ db, accountData: accounts.accountData, receipts }),
    localMembers,
    whole,
    remote,
    writer,
    measureComplexity: createMeasureComplexity({ db, view, states, localMembers }),
    blocks,
    purging: createPurging({
      db,
      streams,
      serverName,
      stateLock,
      events,
      indexer,
      localMembers,
      recent: reading.reads.recent,
    }),
    policyServing:
      federation?.ownPolicy && createPolicyServing({ db, view, ownPolicy: federation.ownPolicy, serverName }),
    ingest: ingest && remote && withEndings(ingest, remote),
    onPersist: (hook) => void hooks.push(hook),
    onUpgradeFollowed: (hook) => void upgradeHooks.push(hook),
    onFormat: (bundler) => void bundlers.push(bundler),
    part: {
      name: 'rooms',
      start: async (signal) => {
        indexer.start()
        await ingest?.part.start(signal)
      },
      stop: async () => {
        await ingest?.part.stop()
        await indexer.stop()
        typing.stopAll()
        await guestAccess.idle()
      },
    },
  }
}

function composePolicies({ log, options }: RoomsDeps, federation: RoomFederation, view: RoomView): RoomPolicies {
  const ask = createAskPolicyServer({ ...federation, serverName: options.serverName })
  return createRoomPolicies({ find: createFindPolicy(view), ask, log })
}
