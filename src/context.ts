import type { Accounts } from './accounts/accounts.ts'
import type { Identity } from './accounts/identity.ts'
import type { Admin } from './admin/admin.ts'
import type { AppserviceRuntime } from './bots/appservices/runtime.ts'
import type { BotRuntime } from './bots/runtime/runtime.ts'
import type { NoteArchive } from './bots/voicemail/archive/archive.ts'
import type { Recorder } from './bots/voicemail/recorder/recorder.ts'
import type { Voicemail } from './bots/voicemail/voicemail.ts'
import type { Config } from './config/schema.ts'
import type { Database } from './db/database.ts'
import type { Streams } from './db/streams.ts'
import type { E2ee } from './e2ee/e2ee.ts'
import type { FederationClient } from './federation/client/federation-client.ts'
import type { FederationNetwork } from './federation/client/network.ts'
import type { FederationSender } from './federation/sender/sender.ts'
import type { Edus } from './federation/server/edus/edus.ts'
import type { RateLimiter } from './http/rate-limit.ts'
import type { Jobs } from './jobs/jobs.ts'
import type { MailQueue } from './jobs/mail.ts'
import type { ServerName } from './matrix/ids.ts'
import type { OldSigningKey, SigningKey } from './matrix/signing.ts'
import type { Media } from './media/media.ts'
import type { Push } from './push/push.ts'
import type { Presence } from './rooms/presence/presence.ts'
import type { Rooms } from './rooms/rooms.ts'
import type { OldSync } from './sync/old/old-sync.ts'
import type { Sync } from './sync/sync.ts'
import type { TimerClock } from './util/clock.ts'
import type { Log } from './util/log.ts'
import type { Part } from './util/part.ts'
import type { SafeFetch } from './util/safe-fetch.ts'
import type { CallLedger } from './voip/calls/calls.ts'
import type { DelayedEvents } from './voip/delayed/delayed-events.ts'
import type { Live } from './voip/live/live.ts'
import type { Livekit } from './voip/livekit/livekit.ts'
import type { Turn } from './voip/turn.ts'
import type { Webhooks } from './voip/webhooks/webhooks.ts'

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
  readonly oldSigningKeys: readonly OldSigningKey[]
  readonly limiter: RateLimiter
  /** Requests to addresses that others chose. */
  readonly outbound: SafeFetch
  /** The way to other Matrix servers. */
  readonly network: FederationNetwork
  /** How other servers are known and asked. */
  readonly federation: FederationClient
  readonly sender: FederationSender
  /** Takes what other servers send besides events. */
  readonly edus: Edus
  /** Resolves when device lists of other servers are fetched, or wait for another try. */
  drainDeviceLists(): Promise<void>
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
  /** Undefined where there is no LiveKit server. */
  readonly livekit: Livekit | undefined
  readonly live: Live
  readonly webhooks: Webhooks
  /** What became of each call. */
  readonly calls: CallLedger
  readonly delayed: DelayedEvents
  readonly admin: Admin
  readonly appservices: AppserviceRuntime
  readonly recorder: Recorder
  readonly bots: BotRuntime
  readonly voicemail: Voicemail
  readonly noteArchive: NoteArchive
  /** Does what waits in the background, until nothing does but for its time; for tests. */
  drain(): Promise<void>
  /** Reads the registration files again. Throws a `ConfigError`. */
  reloadAppservices(): Promise<void>
  /** What runs as long as the server does, in the order of its start. */
  readonly parts: readonly Part[]
  /** Closes the database and gives up the lock; parts have been stopped before. */
  close(): Promise<void>
}

/** What services are made of. */
export type Core = Pick<
  AppContext,
  | 'config'
  | 'serverName'
  | 'clock'
  | 'log'
  | 'db'
  | 'streams'
  | 'signingKeys'
  | 'oldSigningKeys'
  | 'limiter'
  | 'outbound'
  | 'network'
>
