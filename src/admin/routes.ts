import type { AppContext } from '../context.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { noticeRoutes } from './notices/routes-notices.ts'
import { reportListRoutes } from './reports/routes-report-list.ts'
import { reportRoutes } from './reports/routes-reports.ts'
import { accountStatusRoutes } from './routes-account-status.ts'
import { whoisRoutes } from './routes-whois.ts'

/** What administrators do, and what people tell them. */
export function adminRoutes(ctx: AppContext): Endpoint[] {
  return [
    ...accountStatusRoutes(ctx),
    ...whoisRoutes(ctx),
    ...reportRoutes(ctx),
    ...reportListRoutes(ctx),
    ...noticeRoutes(ctx),
  ]
}
