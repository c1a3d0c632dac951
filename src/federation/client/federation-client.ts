import type { Database } from '../../db/database.ts'
import type { ServerAuthentication } from '../../http/server-auth.ts'
import { errors } from '../../matrix/errors.ts'
import type { ServerName } from '../../matrix/ids.ts'
import type { OldSigningKey, SigningKey } from '../../matrix/signing.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import { createBackOff } from './back-off.ts'
import { createDiscover } from './discovery/discover.ts'
import { rememberDiscoveries } from './discovery/remember.ts'
import type { Discover } from './discovery/routes.ts'
import { createWellKnown } from './discovery/well-known.ts'
import { createDirectSource, createNotarySource, type KeySource } from './keys/key-source.ts'
import { createKeyring, type RequestKeyring } from './keys/keyring.ts'
import { createKnownKeys } from './keys/known-keys.ts'
import { createNotary, type Notary } from './keys/notary.ts'
import { createOwnKeys, type OwnKeys } from './keys/own-keys.ts'
import { limitByAddress } from './limit-by-address.ts'
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
  readonly oldSigningKeys: readonly OldSigningKey[]
  readonly policy: ServerPolicy
  /** Who is asked for the keys of servers that do not answer. */
  readonly trustedKeyServers: readonly ServerName[]
}

export interface FederationClient {
  readonly transport: FederationTransport
  /** How a server is found. */
  readonly discover: Discover
  readonly keyring: RequestKeyring
  readonly ownKeys: OwnKeys
  readonly notary: Notary
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
  const ownKeys = createOwnKeys(serverName, signingKeys, deps.oldSigningKeys, clock)
  // A notary's word is checked by the keyring, which may get keys from notaries.
  const notaries: KeySource[] = []
  const known = createKnownKeys({ ...deps, firsthand: createDirectSource(transport, clock), notaries })
  const keyring = createKeyring({ serverName, ownKeys: ownKeys.byId, known, clock })
  for (const notary of deps.trustedKeyServers) {
    notaries.push(createNotarySource(notary, transport, keyring.verifyJson, clock))
  }
  return {
    transport,
    discover,
    keyring,
    ownKeys,
    notary: createNotary({ serverName, signingKey: signingKeys[0], clock, known, ownKeys, isAllowed }),
    authentication: {
      serverName,
      requireAllowed: (origin) => {
        if (!isAllowed(origin)) throw errors.forbidden(`This server does not deal with ${origin}`)
      },
      verify: limitByAddress(({ origin, signatures, text }) => keyring.verifyRequest(origin, signatures, text)),
      heardFrom: transport.heardFrom,
    },
  }
}
