import { z } from 'zod'
import { accountValidity } from './schema-account-validity.ts'
import { appservices, registration, sessions, trustedClients } from './schema-accounts.ts'
import { bots } from './schema-bots.ts'
import { identity, support, wellKnown } from './schema-discovery.ts'
import { federation } from './schema-federation.ts'
import { mail } from './schema-mail.ts'
import { media } from './schema-media.ts'
import { serverNotices } from './schema-notices.ts'
import { policyServer } from './schema-policy.ts'
import { rateLimits } from './schema-rate-limits.ts'
import { presence, rooms } from './schema-rooms.ts'
import { database, dataDir, listeners, log, outbound, publicUrl, serverName } from './schema-server.ts'
import { sso } from './schema-sso.ts'
import { voip } from './schema-voip.ts'
import { webhooks } from './schema-webhooks.ts'

/** Every key of the configuration, in the order of the example file. */
export const configSchema = z.strictObject({
  server_name: serverName,
  public_url: publicUrl,
  data_dir: dataDir,
  database,
  listeners,
  log,
  registration,
  sessions,
  account_validity: accountValidity,
  trusted_clients: trustedClients,
  sso,
  rate_limits: rateLimits,
  rooms,
  presence,
  server_notices: serverNotices,
  federation,
  policy_server: policyServer,
  well_known: wellKnown,
  support,
  identity,
  outbound,
  appservices,
  mail,
  media,
  voip,
  webhooks,
  bots,
})

type ParsedConfig = z.output<typeof configSchema>

/** The configuration under the names of the file, complete with defaults; durations in ms, sizes in bytes, paths absolute. */
export interface Config extends Omit<ParsedConfig, 'public_url' | 'database'> {
  public_url: string
  database: { url: string }
}

export type ListenerConfig = Config['listeners'][number]

export type { ParsedConfig }
