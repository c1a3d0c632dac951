import { readFileSync } from 'node:fs'
import { getCACertificates } from 'node:tls'
import type { Config } from './config/schema.ts'
import type { Core } from './context.ts'
import { createFederationClient, type FederationClient } from './federation/client/federation-client.ts'
import { StartupError } from './util/part.ts'
import { createSafeFetch, type SafeFetch } from './util/safe-fetch.ts'

/** How this server asks others, composed before the features that do. */
export function composeFederationClient(core: Core): FederationClient {
  const { federation } = core.config
  return createFederationClient({
    ...core,
    oldKeys: [],
    fetch: core.federationFetch,
    policy: { enabled: federation.enabled, allowed: federation.allowed_servers, denied: federation.denied_servers },
    ports: { matrix: 8448, https: 443 },
  })
}

/** Requests to other Matrix servers. Throws a `StartupError` where the certificate authorities cannot be read. */
export function createFederationFetch({ federation, outbound }: Config): SafeFetch {
  const extra = federation.extra_ca_file
  return createSafeFetch({
    allowPrivateAddresses: outbound.allow_private_addresses,
    userAgent: 'Ringback',
    ...(extra !== undefined && { ca: [...getCACertificates('default'), readAuthorities(extra)] }),
  })
}

function readAuthorities(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new StartupError(`federation.extra_ca_file cannot be read: ${error instanceof Error ? error.message : error}`)
  }
}
