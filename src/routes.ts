import { accountRoutes } from './accounts/routes.ts'
import { adminRoutes } from './admin/routes.ts'
import { appserviceRoutes } from './bots/appservices/routes.ts'
import { archiveRoutes } from './bots/voicemail/archive/routes-archive.ts'
import { recorderRoutes } from './bots/voicemail/recorder/routes.ts'
import { voicemailRoutes } from './bots/voicemail/routes.ts'
import type { AppContext } from './context.ts'
import { e2eeRoutes } from './e2ee/routes.ts'
import { federationRoutes } from './federation/server/routes.ts'
import type { Endpoint } from './http/endpoint.ts'
import { webRoutes } from './http/routes-web.ts'
import { mediaRoutes } from './media/routes.ts'
import { pushRoutes } from './push/routes.ts'
import { presenceRoutes } from './rooms/presence/routes.ts'
import { roomRoutes } from './rooms/routes.ts'
import { oldSyncRoutes } from './sync/old/routes.ts'
import { syncRoutes } from './sync/routes.ts'
import { voipRoutes } from './voip/routes.ts'

/** Everything that the server answers. */
export function endpoints(ctx: AppContext): Endpoint[] {
  return [
    ...accountRoutes(ctx),
    ...e2eeRoutes(ctx),
    ...roomRoutes(ctx),
    ...presenceRoutes(ctx),
    ...pushRoutes(ctx),
    ...mediaRoutes(ctx),
    ...syncRoutes(ctx),
    ...oldSyncRoutes(ctx),
    ...federationRoutes(ctx),
    ...appserviceRoutes(ctx),
    ...recorderRoutes(ctx),
    ...voicemailRoutes(ctx),
    ...archiveRoutes(ctx),
    ...voipRoutes(ctx),
    ...adminRoutes(ctx),
    ...webRoutes(),
  ]
}
