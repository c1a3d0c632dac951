import type { AppContext } from '../../context.ts'
import type { Endpoint } from '../../http/endpoint.ts'
import { userKeyRoutes } from './devices/routes-user-keys.ts'
import { eventRoutes } from './events/routes-events.ts'
import { mediaRoutes } from './media/routes-media.ts'
import { membershipFederationRoutes } from './membership/routes.ts'
import { complexityRoutes } from './policy/routes-complexity.ts'
import { policyRoutes } from './policy/routes-policy.ts'
import { queryRoutes } from './queries/routes-queries.ts'
import { keyRoutes } from './routes-keys.ts'
import { versionRoutes } from './routes-version.ts'
import { transactionRoutes } from './transactions/routes-transactions.ts'

/** Everything that other servers may ask. */
export function federationRoutes(ctx: AppContext): Endpoint[] {
  return [
    ...keyRoutes(ctx),
    ...versionRoutes(),
    ...membershipFederationRoutes(ctx),
    ...transactionRoutes(ctx, ctx.edus),
    ...eventRoutes(ctx),
    ...queryRoutes(ctx),
    ...mediaRoutes(ctx),
    ...policyRoutes(ctx),
    ...complexityRoutes(ctx),
    ...userKeyRoutes(ctx),
  ]
}
