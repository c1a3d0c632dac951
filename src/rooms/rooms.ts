import type { Accounts } from '../accounts/accounts.ts'
import type { IdentityServers } from '../accounts/identity-servers/identity-servers.ts'
import type { Database } from '../db/database.ts'
import type { Streams } from '../db/streams.ts'
import type { FederationTransport, Keyring } from '../federation/client/ports.ts'
import type { Jobs } from '../jobs/jobs.ts'
import type { ServerName } from '../matrix/ids.ts'
import type { SigningKey } from '../matrix/signing.ts'
import type { TimerClock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import type { Part } from '../util/part.ts'
import type { SafeFetch } from '../util/safe-fetch.ts'
import { createRoomEvents, type RoomEvents } from './actions/events.ts'
import type { Bundler } from './client-event.ts'
import { type CreateRoom, createRoomCreation } from './creation/create-room.ts'
import { createRoomUpgrade, type UpgradeRoom } from './creation/upgrade-room.ts'
import { type Aliases, createAliases } from './directory/aliases.ts'
import { createPublicRooms, type PublicRooms } from './directory/public-rooms.ts'
import { createRemoteDirectory } from './directory/remote-directory.ts'
import { createRoomList, type RoomList } from './directory/room-list.ts'
import { createDirectoryEntries } from './discovery/directory-entries.ts'
import { createDiscovery, type Discovery } from './discovery/discovery.ts'
import { createReadMarkers, type ReadMarkers } from './ephemeral/read-markers.ts'
import { createReceipts, type Receipts } from './ephemeral/receipts.ts'
import { createTyping, type Typing } from './ephemeral/typing.ts'
import { createTypingRequests, type TypingRequests } from './ephemeral/typing-requests.ts'
import { createErasures } from './erasure/erasures.ts'
import { createEventCache } from './event-cache.ts'
import { createHistoryFiller } from './history/filler.ts'
import { createIngest } from './ingest/ingest.ts'
import type { Ingest } from './ingest/ports.ts'
import { createLocalMembers, type LocalMembers } from './local-members.ts'
import { createAccountFollower } from './membership/follow-accounts.ts'
import { createGuestAccessFollower } from './membership/follow-guest-access.ts'
import { carryAccountData, createUpgradeFollower, type UpgradeHook } from './membership/follow-upgrade.ts'
import { createInviteUser } from './membership/invite.ts'
import { createMembership, type Membership } from './membership/membership.ts'
import { createRemovalRedaction } from './membership/redact-removed.ts'
import { createPeople } from './people.ts'
import { createFindPolicy } from './policy/find-policy.ts'
import type { OwnPolicy } from './policy/own-policy.ts'
import { createRoomPolicies, type RoomPolicies } from './policy/policies.ts'
import { createPolicyServing, type PolicyServing } from './policy/serving.ts'
import { createAskPolicyServer } from './policy/signatures.ts'
import { createRoomReading, type RoomReading } from './reading.ts'
import { createRelations, type Relations } from './relations/relations.ts'
import { createThreadSubscriptions, type ThreadSubscriptions } from './relations/subscriptions.ts'
import { withEndings } from './remote/endings.ts'
import { createMeasureComplexity, type MeasureComplexity } from './remote/own-complexity.ts'
import { createRemote, type Remote } from './remote/remote.ts'
import type { RoomView } from './room-view.ts'
import { createRoomWriter, type RoomWriter } from './room-writer.ts'
import { createSearchIndexer } from './search/indexer.ts'
import { createEventSearch, type SearchEvents } from './search/search.ts'
import { createStates } from './states.ts'
import { type AddressInvites, createAddressInvites } from './third-party/address-invites.ts'
import { createExchangeInvites } from './third-party/exchange-invites.ts'
import type { PersistHook } from './types.ts'

export interface Rooms extends RoomReading {
  readonly create: CreateRoom
  readonly upgrade: UpgradeRoom
  readonly events: RoomEvents
  readonly membership: Membership
  readonly addressInvites: AddressInvites
  readonly aliases: Aliases
  readonly directory: PublicRooms
  /** For administrators. */
  readonly list: RoomList
  readonly discovery: Discovery
  readonly search: SearchEvents
  readonly typing: Typing & TypingRequests
  readonly relations: Relations
  readonly threadSubscriptions: ThreadSubscriptions
  readonly receipts: Receipts
  readonly readMarkers: ReadMarkers
  readonly localMembers: LocalMembers
  /** Undefined where this server keeps to itself. */
  readonly remote: Remote | undefined
  readonly writer: RoomWriter
  readonly measureComplexity: MeasureComplexity
  /** This server as the policy server of rooms; undefined where it is none. */
  readonly policyServing: PolicyServing | undefined
  /** The way of events of other servers; undefined where this one keeps to itself. */
  readonly ingest: Ingest | undefined
  /** Runs with every batch of new events, in its transaction. */
  onPersist(hook: PersistHook): void
  /** Runs when a user of ours joins the replacement of a room where they are, in the transaction of the join. */
  onUpgradeFollowed(hook: UpgradeHook): void
  /** Adds to `unsigned` of the events that clients get. */
  onFormat(bundler: Bundler): void
  readonly part: Part
}

export interface RoomsOptions {
  readonly serverName: ServerName
  readonly signingKey: SigningKey
  readonly defaultVersion: string
  /** Levels by event type for all new rooms. */
  readonly extraPowerLevels: Readonly<Record<string, number>>
  /** Larger rooms of other servers are not joined; one is 500 state events. Undefined: no limit. */
  readonly maxComplexity: number | undefined
  /** Whether invitations find accounts here by addresses that were not published. */
  readonly findLocalAddresses: boolean
}

/** The parts of the accounts that rooms use, and follow. */
export type RoomAccounts = Pick<
  Accounts,
  | 'isLocalUser'
  | 'noticesUser'
  | 'threepids'
  | 'getProfile'
  | 'accountData'
  | 'appservices'
  | 'onProfileChange'
  | 'onDeactivate'
> & { readonly users: Pick<Accounts['users'], 'requireActive' | 'get'> }

export interface RoomFederation {
  /** This server as a policy server; undefined where it is none. */
  readonly ownPolicy: OwnPolicy | undefined
  readonly transport: FederationTransport
  readonly keyring: Keyring
}

export interface RoomsDeps {
  readonly db: Database
  readonly jobs: Pick<Jobs, 'enqueue' | 'handle'>
  readonly streams: Streams
  readonly clock: TimerClock
  readonly log: Log
  readonly accounts: RoomAccounts
  readonly identityServers: IdentityServers
  /** For addresses that others chose. */
  readonly fetch: SafeFetch
  /** How other servers are reached; undefined where this one keeps to itself. */
  readonly federation: RoomFederation | undefined
  readonly options: RoomsOptions
}

/** Composes everything about rooms: what they hold, who may look at it and who may change it. */
export function createRooms(deps: RoomsDeps): Rooms {
  const { db, jobs, streams, clock, log, accounts, federation, options } = deps
  const { serverName, signingKey, defaultVersion, extraPowerLevels } = options
  const states = createStates()
  const events = createEventCache()
  const bundlers: Bundler[] = []
  const { ignoredUsers } = accounts.accountData
  const erasures = createErasures({ streams })
  const filler = createHistoryFiller(clock)
  accounts.onDeactivate(erasures.onDeactivate)
  const reading = createRoomReading({ db, clock, states, events, bundlers, ignoredUsers, erasures, filler })
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
    localMembers.hook,
    typing.hook,
    followUpgrade,
    userDirectory.onPersist,
    indexer.hook,
  ]
  const policies = federation && composePolicies(deps, federation, view)
  const writer = createRoomWriter({ db, streams, clock, states, events, serverName, signingKey, hooks, policies })
  const ingest =
    federation &&
    policies &&
    createIngest({
      ...federation,
      db,
      streams,
      clock,
      log,
      states,
      events,
      serverName,
      hooks,
      view,
      localMembers,
      policies,
    })
  if (ingest !== undefined) filler.use(ingest)
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
  const remote =
    federation &&
    ingest &&
    policies &&
    createRemote({
      ...deps,
      ...federation,
      ...options,
      states,
      events,
      hooks,
      writer,
      people,
      view,
      localMembers,
      ingest,
      policies,
    })
  const inviteUser = createInviteUser({ writer, people, remote: remote?.invites })
  const membership = createMembership({ db, streams, writer, people, aliases, inviteUser, remote: remote?.membership })
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
    events: createRoomEvents({ writer, people, inviteUser }),
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
    remote,
    writer,
    measureComplexity: createMeasureComplexity({ db, view, states, localMembers }),
    policyServing:
      federation?.ownPolicy && createPolicyServing({ db, view, ownPolicy: federation.ownPolicy, serverName }),
    ingest: ingest && remote && withEndings(ingest, remote.takeEnding),
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
