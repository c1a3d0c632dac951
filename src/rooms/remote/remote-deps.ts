import type { Database } from '../../db/database.ts'
import type { FederationTransport, Keyring } from '../../federation/client/ports.ts'
import type { ServerName } from '../../matrix/ids.ts'
import type { SigningKey } from '../../matrix/signing.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Ingest } from '../ingest/ports.ts'
import type { LocalMembers } from '../local-members.ts'
import type { People } from '../people.ts'
import type { RoomPolicies } from '../policy/policies.ts'
import type { RoomView } from '../room-view.ts'
import type { RoomWriter } from '../room-writer.ts'
import type { OutsideDeps } from './outside.ts'

/** What coming to and going from rooms of other servers needs. */
export interface RemoteDeps extends OutsideDeps {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly transport: FederationTransport
  readonly keyring: Keyring
  readonly ingest: Pick<Ingest, 'enter' | 'accept'>
  readonly writer: RoomWriter
  readonly people: People
  readonly view: RoomView
  readonly policies: Pick<RoomPolicies, 'find' | 'ask'>
  readonly localMembers: LocalMembers
  readonly serverName: ServerName
  readonly signingKey: SigningKey
  /** Larger rooms of other servers are not joined; one is 500 state events. Undefined: no limit. */
  readonly maxComplexity: number | undefined
}
