import type { Config } from '../../config/schema.ts'
import type { JsonObject } from '../../matrix/event.ts'

type WellKnownConfig = Pick<Config, 'public_url' | 'well_known' | 'support' | 'federation'>

/** `transports` are where calls go. https://spec.matrix.org/v1.19/client-server-api/#getwell-knownmatrixclient */
export function clientDiscovery(
  { public_url: baseUrl, well_known: wellKnown }: WellKnownConfig,
  transports: JsonObject[] | undefined,
): JsonObject {
  const { identity_server: identityServer, client } = wellKnown
  return {
    // Some clients look for calls here only. Whoever configures it by hand knows better.
    ...(transports && { 'org.matrix.msc4143.rtc_foci': transports }),
    // The configuration is YAML, which is read as JSON values.
    ...(client as JsonObject),
    'm.homeserver': { base_url: baseUrl },
    ...(identityServer !== undefined && { 'm.identity_server': { base_url: identityServer } }),
  }
}

/** Where other servers find this one; undefined where they must use the server name as it is. */
export function serverDiscovery(config: WellKnownConfig): JsonObject | undefined {
  if (!config.federation.enabled) return undefined
  const { server } = config.well_known
  if (server !== undefined) return { 'm.server': server }
  const { protocol, hostname, port } = new URL(config.public_url)
  return protocol === 'https:' ? { 'm.server': `${hostname}:${port || '443'}` } : undefined
}

/** https://spec.matrix.org/v1.19/client-server-api/#getwell-knownmatrixsupport; undefined where nobody is named. */
export function supportDiscovery({ support: { contacts, page } }: WellKnownConfig): JsonObject | undefined {
  if (contacts.length === 0 && page === undefined) return undefined
  return {
    ...(contacts.length > 0 && { contacts: contacts.map((contact) => ({ ...contact })) }),
    ...(page !== undefined && { support_page: page }),
  }
}
