import type { Database } from '../../db/database.ts'
import type { ServerAuthentication } from '../../http/server-auth.ts'
import { errors } from '../../matrix/errors.ts'
import type { ServerName } from '../../matrix/ids.ts'
import type { SigningKey } from '../../matrix/signing.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import { createBackOff } from './back-off.ts'
import { createDiscover } from './discovery/discover.ts'
import { rememberDiscoveries } from './discovery/remember.ts'
import type { Discover } from './discovery/routes.ts'
import { createWellKnown } from './discovery/well-known.ts'
import { createDirectSource } from './keys/key-source.ts'
import { createKeyring, type TextKeyring } from './keys/keyring.ts'
import { createKnownKeys } from './keys/known-keys.ts'
import { createOwnKeys, type OldKey, type OwnKeys } from './keys/own-keys.ts'
import type { FederationNetwork } from './network.ts'
import { createServerPolicy, type ServerPolicy } from './policy.ts'
import type { FederationTransport } from './ports.ts'
import { createTransport } from './transport.ts'

export interface FederationClientDeps extends FederationNetwork {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly serverName: ServerName
  readonly signingKeys: readonly [SigningKey, ...SigningKey[]]
  readonly oldKeys: readonly OldKey[]
  readonly policy: ServerPolicy
}

export interface FederationClient {
  readonly transport: FederationTransport
  /** How a server is found. */
  readonly discover: Discover
  readonly keyring: TextKeyring
  readonly ownKeys: OwnKeys
  /** For the endpoints that other servers use. */
  readonly authentication: ServerAuthentication
}

/** How this server knows and asks others. */
export function createFederationClient(deps: FederationClientDeps): FederationClient {
  const { clock, fetch, serverName, signingKeys } = deps
  const isAllowed = createServerPolicy(deps.policy)
  const wellKnown = createWellKnown({ fetch, clock, port: deps.ports.https })
  const { discover, forget } = rememberDiscoveries(
    createDiscover({ wellKnown, dns: deps.dns, defaultPort: deps.ports.matrix }),
    clock,
  )
  const transport = createTransport({
    serverName,
    signingKey: signingKeys[0],
    fetch,
    discover,
    forget,
    backOff: createBackOff(clock),
    isAllowed,
  })
  const ownKeys = createOwnKeys(serverName, signingKeys, deps.oldKeys, clock)
  const known = createKnownKeys({ ...deps, ask: createDirectSource(transport, clock) })
  const keyring = createKeyring({ serverName, ownKeys: ownKeys.byId, known, clock })
  return {
    transport,
    discover,
    keyring,
    ownKeys,
    authentication: {
      serverName,
      requireAllowed: (origin) => {
        if (!isAllowed(origin)) throw errors.forbidden(`This server does not deal with ${origin}`)
      },
      verify: (origin, signatures, text) => keyring.verifyText(origin, signatures, text, clock.now()),
      heardFrom: transport.heardFrom,
    },
  }
}
