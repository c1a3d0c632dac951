import type { Config } from '../config/schema.ts'
import type { Database } from '../db/database.ts'
import type { RateLimiter } from '../http/rate-limit.ts'
import type { Jobs } from '../jobs/jobs.ts'
import type { MailQueue } from '../jobs/mail.ts'
import type { ServerName } from '../matrix/ids.ts'
import type { SigningKey } from '../matrix/signing.ts'
import type { TimerClock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { createSafeFetch } from '../util/safe-fetch.ts'
import type { Accounts } from './accounts.ts'
import { type Bindings, createBindings } from './identity-servers/bindings.ts'
import { createIdentityServers, type IdentityServers } from './identity-servers/identity-servers.ts'
import { createSso, type Sso } from './sso/sso.ts'
import { createEmailValidations, type EmailValidations } from './threepids/validations.ts'
import { createRenewals, type Renewals } from './validity/renewals.ts'

/** What ties accounts to the world outside Matrix. */
export interface Identity {
  readonly identityServers: IdentityServers
  readonly bindings: Bindings
  readonly emails: EmailValidations
  readonly sso: Sso
  readonly renewals: Renewals
}

export interface IdentityDeps {
  readonly config: Config
  readonly serverName: ServerName
  readonly signingKeys: readonly [SigningKey, ...SigningKey[]]
  readonly db: Database
  readonly clock: TimerClock
  readonly log: Log
  readonly limiter: RateLimiter
  readonly jobs: Jobs
  readonly mail: MailQueue
  readonly accounts: Accounts
}

export function createIdentity(deps: IdentityDeps): Identity {
  const { config, serverName, accounts } = deps
  // The configuration chose whom this reaches.
  const fetch = createSafeFetch({ allowPrivateAddresses: true })
  const identityServers = createIdentityServers({
    fetch,
    serverName,
    signingKey: deps.signingKeys[0],
    trusted: config.identity.trusted_servers,
  })
  return {
    identityServers,
    bindings: createBindings({ ...deps, identityServers }),
    sso: createSso({ ...deps, fetch }),
    renewals: createRenewals({
      ...deps,
      renewAt: config.account_validity.renew_at,
      linkTo: (path) => config.public_url + path,
    }),
    emails: createEmailValidations({
      ...deps,
      threepids: accounts.threepids,
      users: accounts.users,
      options: {
        serverName,
        linkLifetime: config.mail.link_lifetime,
        allowedDomains: config.mail.allowed_domains,
        hideKnown: config.mail.hide_known_addresses,
        linkTo: (path) => config.public_url + path,
      },
    }),
  }
}
