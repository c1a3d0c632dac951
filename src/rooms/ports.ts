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
import type { AttachMedia, RoomEvents } from './actions/events.ts'
import type { RoomBlocks } from './blocks/blocks.ts'
import type { Bundler } from './client-event.ts'
import type { CreateRoom } from './creation/create-room.ts'
import type { UpgradeRoom } from './creation/upgrade-room.ts'
import type { Aliases } from './directory/aliases.ts'
import type { PublicRooms } from './directory/public-rooms.ts'
import type { RoomList } from './directory/room-list.ts'
import type { Discovery } from './discovery/discovery.ts'
import type { ReadMarkers } from './ephemeral/read-markers.ts'
import type { Receipts } from './ephemeral/receipts.ts'
import type { Typing } from './ephemeral/typing.ts'
import type { TypingRequests } from './ephemeral/typing-requests.ts'
import type { Ingest } from './ingest/ports.ts'
import type { LocalMembers } from './local-members.ts'
import type { UpgradeHook } from './membership/follow-upgrade.ts'
import type { Membership } from './membership/membership.ts'
import type { WholeRooms } from './partial/whole-rooms.ts'
import type { OwnPolicy } from './policy/own-policy.ts'
import type { PolicyServing } from './policy/serving.ts'
import type { Purging } from './purge/ports.ts'
import type { RoomReading } from './reading.ts'
import type { Relations } from './relations/relations.ts'
import type { ThreadSubscriptions } from './relations/subscriptions.ts'
import type { MeasureComplexity } from './remote/own-complexity.ts'
import type { Remote } from './remote/remote.ts'
import type { RoomWriter } from './room-writer.ts'
import type { SearchEvents } from './search/search.ts'
import type { AddressInvites } from './third-party/address-invites.ts'
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
  readonly blocks: RoomBlocks
  readonly purging: Purging
  readonly discovery: Discovery
  readonly search: SearchEvents
  readonly typing: Typing & TypingRequests
  readonly relations: Relations
  readonly threadSubscriptions: ThreadSubscriptions
  readonly receipts: Receipts
  readonly readMarkers: ReadMarkers
  readonly localMembers: LocalMembers
  readonly whole: WholeRooms
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
  readonly attachMedia: AttachMedia
  /** For addresses that others chose. */
  readonly fetch: SafeFetch
  /** How other servers are reached; undefined where this one keeps to itself. */
  readonly federation: RoomFederation | undefined
  readonly options: RoomsOptions
}
