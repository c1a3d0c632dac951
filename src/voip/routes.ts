import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { callRoutes } from './calls/routes-calls.ts'
import { delayedEventRoutes } from './delayed/routes-delayed.ts'
import { liveRoutes } from './live/routes-live.ts'
import { livekitRoutes } from './livekit/routes-livekit.ts'
import { nativeLivekitRoutes } from './livekit/routes-native.ts'
import { sfuRoutes } from './livekit/sfu/routes-sfu.ts'

export function voipRoutes(ctx: Pick<AppContext, 'turn' | 'livekit' | 'calls' | 'delayed'>): Endpoint[] {
  const { turn } = ctx
  return [
    ...delayedEventRoutes(ctx),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/voip/turnServer',
        auth: turn.guests ? 'user-or-guest' : 'user',
        limit: 'general',
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3voipturnserver',
      },
      // Without a TURN server clients expect an object without addresses; they take an error for a fault and try again.
      ({ requester }) => turn.credentials(requester.userId) ?? {},
    ),
    ...livekitRoutes(ctx),
    ...nativeLivekitRoutes(ctx),
    ...sfuRoutes(ctx),
    ...liveRoutes(),
    ...callRoutes(ctx),
  ]
}
