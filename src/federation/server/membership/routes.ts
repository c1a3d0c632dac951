import type { AppContext } from '../../../context.ts'
import type { Endpoint } from '../../../http/endpoint.ts'
import { entryRoutes } from './routes-entry.ts'
import { exchangeRoutes } from './routes-exchange.ts'
import { inviteRoutes } from './routes-invites.ts'

/** How users of other servers come into our rooms and go, and how ours are invited to theirs. */
export function membershipFederationRoutes(ctx: AppContext): Endpoint[] {
  return [...entryRoutes(ctx), ...inviteRoutes(ctx), ...exchangeRoutes(ctx)]
}
