import type { AppContext } from '../context.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { accountStatusRoutes } from './routes-account-status.ts'
import { whoisRoutes } from './routes-whois.ts'

/** What administrators do, and what people tell them. */
export function adminRoutes(ctx: AppContext): Endpoint[] {
  return [...accountStatusRoutes(ctx), ...whoisRoutes(ctx)]
}
