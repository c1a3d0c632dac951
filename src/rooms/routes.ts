import type { AppContext } from '../context.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { roomCreationRoutes } from './routes-create.ts'
import { directoryRoutes } from './routes-directory.ts'
import { discoveryRoutes } from './routes-discovery.ts'
import { ephemeralRoutes } from './routes-ephemeral.ts'
import { eventRoutes } from './routes-events.ts'
import { membershipRoutes } from './routes-membership.ts'
import { moderationRoutes } from './routes-moderation.ts'
import { publicRoomsRoutes } from './routes-public-rooms.ts'
import { roomReadingRoutes } from './routes-reading.ts'
import { relationRoutes } from './routes-relations.ts'
import { searchRoutes } from './routes-search.ts'
import { threadSubscriptionRoutes } from './routes-thread-subscriptions.ts'
import { onBindRoutes } from './third-party/routes-onbind.ts'

/** Everything about rooms. */
export function roomRoutes(ctx: Pick<AppContext, 'db' | 'rooms' | 'delayed'>): Endpoint[] {
  return [
    ...roomCreationRoutes(ctx),
    ...membershipRoutes(ctx),
    ...moderationRoutes(ctx),
    ...onBindRoutes(ctx),
    ...eventRoutes(ctx),
    ...roomReadingRoutes(ctx),
    ...relationRoutes(ctx),
    ...threadSubscriptionRoutes(ctx),
    ...directoryRoutes(ctx),
    ...publicRoomsRoutes(ctx),
    ...discoveryRoutes(ctx),
    ...searchRoutes(ctx),
    ...ephemeralRoutes(ctx),
  ]
}
