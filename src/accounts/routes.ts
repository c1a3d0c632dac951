import type { AppContext } from '../context.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { discoveryRoutes } from './discovery/routes-discovery.ts'
import { wellKnownRoutes } from './discovery/routes-well-known.ts'
import { bindingRoutes } from './identity-servers/routes-bindings.ts'
import { openidRoutes } from './openid/routes-openid.ts'
import { accountDataRoutes } from './routes-account-data.ts'
import { deviceRoutes } from './routes-devices.ts'
import { fallbackRoutes } from './routes-fallback.ts'
import { filterRoutes } from './routes-filters.ts'
import { loginRoutes } from './routes-login.ts'
import { ownPageRoutes } from './routes-own-pages.ts'
import { passwordRoutes } from './routes-password.ts'
import { profileRoutes } from './routes-profiles.ts'
import { registrationRoutes } from './routes-registration.ts'
import { sessionRoutes } from './routes-sessions.ts'
import { setupRoutes } from './routes-setup.ts'
import { sharedSecretRoutes } from './routes-shared-secret.ts'
import { tagRoutes } from './routes-tags.ts'
import { ssoCallbackRoutes } from './sso/routes-callback.ts'
import { ssoRoutes } from './sso/routes-sso.ts'
import { confirmRoutes } from './threepids/routes-confirm.ts'
import { requestTokenRoutes } from './threepids/routes-request-token.ts'
import { threepidRoutes } from './threepids/routes-threepids.ts'
import { renewalRoutes } from './validity/routes-renewal.ts'

/** Everything about accounts and their sessions. */
export function accountRoutes(ctx: AppContext): Endpoint[] {
  return [
    ...discoveryRoutes(ctx),
    ...wellKnownRoutes(ctx),
    ...registrationRoutes(ctx),
    ...sharedSecretRoutes(ctx),
    ...loginRoutes(ctx),
    ...sessionRoutes(ctx),
    ...passwordRoutes(ctx),
    ...deviceRoutes(ctx),
    ...profileRoutes(ctx),
    ...accountDataRoutes(ctx),
    ...tagRoutes(ctx),
    ...threepidRoutes(ctx),
    ...requestTokenRoutes(ctx),
    ...bindingRoutes(ctx),
    ...ssoRoutes(ctx),
    ...ssoCallbackRoutes(ctx),
    ...confirmRoutes(ctx),
    ...renewalRoutes(ctx),
    ...openidRoutes(ctx),
    ...filterRoutes(ctx),
    ...fallbackRoutes(ctx),
    ...setupRoutes(ctx),
    ...ownPageRoutes(ctx),
  ]
}
