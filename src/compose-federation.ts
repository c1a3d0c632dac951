import { readFileSync } from 'node:fs'
import { getCACertificates } from 'node:tls'
import { loadPolicyKey } from './config/policy-key.ts'
import type { Config } from './config/schema.ts'
import type { Core } from './context.ts'
import { createFederationClient, type FederationClient } from './federation/client/federation-client.ts'
import type { FederationNetwork } from './federation/client/network.ts'
import { createOwnPolicy, type OwnPolicy } from './rooms/policy/own-policy.ts'
import { createSystemDns } from './util/dns.ts'
import { StartupError } from './util/part.ts'
import { createSafeFetch } from './util/safe-fetch.ts'

/** How this server asks others, composed before the features that do. */
export function composeFederationClient(core: Core): FederationClient {
  const { federation } = core.config
  return createFederationClient({
    ...core,
    ...core.network,
    policy: { enabled: federation.enabled, allowed: federation.allowed_servers, denied: federation.denied_servers },
    trustedKeyServers: federation.trusted_key_servers,
  })
}

/** This server as a policy server; undefined where it is none. Throws a `StartupError` where its key cannot be used. */
export function composeOwnPolicy({ config, clock }: Core): OwnPolicy | undefined {
  const { enabled, ...policy } = config.policy_server
  if (!enabled) return undefined
  const rules = {
    deniedUsers: policy.denied_users,
    deniedServers: policy.denied_servers,
    deniedWords: policy.denied_words,
    perMinute: policy.max_events_per_minute,
  }
  return createOwnPolicy(loadPolicyKey(config.data_dir), rules, clock)
}

/** The way to other Matrix servers. Throws a `StartupError` where the certificate authorities cannot be read. */
export function createFederationNetwork(
  { federation, outbound }: Pick<Config, 'federation' | 'outbound'>,
  {
    dns = createSystemDns(),
    ports = { matrix: 8448, https: 443 },
  }: Partial<Pick<FederationNetwork, 'dns' | 'ports'>> = {},
): FederationNetwork {
  const extra = federation.extra_ca_file
  const fetch = createSafeFetch({
    allowPrivateAddresses: outbound.allow_private_addresses,
    resolve: dns.addresses,
    userAgent: 'Ringback',
    maxSockets: 50,
    ...(extra !== undefined && { ca: [...getCACertificates('default'), readAuthorities(extra)] }),
  })
  return { dns, fetch, ports }
}

function readAuthorities(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new StartupError(`federation.extra_ca_file cannot be read: ${error instanceof Error ? error.message : error}`)
  }
}
