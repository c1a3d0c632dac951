import { type Accounts, createAccounts } from './accounts/accounts.ts'
import type { Core } from './context.ts'
import { createServerPolicy } from './federation/client/policy.ts'
import { makeUserId } from './matrix/ids.ts'

/** The accounts alone, as the command line also uses them. */
export function composeAccounts(
  core: Pick<Core, 'config' | 'serverName' | 'clock' | 'log' | 'db' | 'streams'>,
): Accounts {
  const { bots, registration, sessions, server_notices: notices, account_validity: validity } = core.config
  const noticesUser = notices.enabled ? makeUserId(notices.localpart, core.serverName) : undefined
  const botUsers = [bots.voicemail, bots.assistant].map(({ localpart }) => makeUserId(localpart, core.serverName))
  const { allowed_servers: allowed, denied_servers: denied } = core.config.federation.invites
  const takesInvitesFrom = createServerPolicy({ enabled: true, allowed, denied })
  const { memory, passes } = registration.password_hash
  return createAccounts({
    ...core,
    options: {
      serverName: core.serverName,
      passwordCost: { memoryKib: Math.ceil(memory / 1024), passes },
      minPasswordLength: registration.min_password_length,
      lifetimes: {
        refreshable: sessions.access_token_lifetime,
        unrefreshable: sessions.unrefreshable_token_lifetime,
        dormant: sessions.refresh_token_lifetime,
      },
      loginTokenLifetime: sessions.login_token_lifetime,
      uiaLifetime: sessions.uia_lifetime,
      openidLifetime: sessions.openid_token_lifetime,
      providerIds: core.config.sso.providers.map(({ id }) => id),
      noticesUser,
      isBarred: (server) => server !== core.serverName && !takesInvitesFrom(server),
      ownUsers: new Set(noticesUser === undefined ? botUsers : [...botUsers, noticesUser]),
      accountPeriod: validity.enabled ? validity.period : undefined,
    },
  })
}
