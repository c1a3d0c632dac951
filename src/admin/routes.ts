import type { AppContext } from '../context.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { destinationRoutes } from './federation/routes-destinations.ts'
import { holdRoutes } from './holds/routes-holds.ts'
import { deletionRoutes } from './media/routes-deletions.ts'
import { mediaAdminRoutes } from './media/routes-media.ts'
import { quarantineRoutes } from './media/routes-quarantine.ts'
import { mediaUsageRoutes } from './media/routes-usage.ts'
import { metricsRoutes } from './metrics/routes-metrics.ts'
import { noticeRoutes } from './notices/routes-notices.ts'
import { blockRoutes } from './purges/routes-blocks.ts'
import { purgeRoutes } from './purges/routes-purges.ts'
import { reportListRoutes } from './reports/routes-report-list.ts'
import { reportRoutes } from './reports/routes-reports.ts'
import { roomListRoutes } from './rooms/routes-rooms.ts'
import { accountStatusRoutes } from './routes-account-status.ts'
import { versionRoutes } from './routes-version.ts'
import { whoisRoutes } from './routes-whois.ts'
import { userActionRoutes } from './users/routes-user-actions.ts'
import { userRoutes } from './users/routes-users.ts'
import { validityRoutes } from './users/routes-validity.ts'
import { voicemailAuditRoutes } from './voicemail/routes-audit.ts'

/** What administrators do, and what people tell them. */
export function adminRoutes(ctx: AppContext): Endpoint[] {
  return [
    ...accountStatusRoutes(ctx),
    ...whoisRoutes(ctx),
    ...reportRoutes(ctx),
    ...reportListRoutes(ctx),
    ...noticeRoutes(ctx),
    ...userRoutes(ctx),
    ...userActionRoutes(ctx),
    ...validityRoutes(ctx),
    ...roomListRoutes(ctx),
    ...purgeRoutes(ctx),
    ...blockRoutes(ctx),
    ...destinationRoutes(ctx),
    ...holdRoutes(ctx),
    ...quarantineRoutes(ctx),
    ...mediaAdminRoutes(ctx),
    ...mediaUsageRoutes(ctx),
    ...deletionRoutes(ctx),
    ...metricsRoutes(ctx),
    ...voicemailAuditRoutes(ctx),
    ...versionRoutes(),
  ]
}
