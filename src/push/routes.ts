import type { AppContext } from '../context.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { unsubscribeRoutes } from './email/routes-unsubscribe.ts'
import { notificationRoutes } from './routes-notifications.ts'
import { pushRuleRoutes } from './routes-push-rules.ts'
import { pusherRoutes } from './routes-pushers.ts'

/** Everything that the push feature answers. */
export function pushRoutes(ctx: Pick<AppContext, 'db' | 'push'>): Endpoint[] {
  return [...pushRuleRoutes(ctx), ...pusherRoutes(ctx), ...notificationRoutes(ctx), ...unsubscribeRoutes(ctx)]
}
