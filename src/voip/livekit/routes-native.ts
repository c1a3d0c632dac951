import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { clientDelegation, clientTokenRequest, serverTokenRequest } from './wire-native.ts'

const spec = 'https://github.com/matrix-org/matrix-spec-proposals/pull/4195'
const stable = 'v1/rtc/livekit'
const unstable = 'unstable/io.element.msc4195/rtc/livekit'

/** Seats in calls by access token, and for other servers. Without LiveKit these are unknown paths. */
export function nativeLivekitRoutes({ livekit }: Pick<AppContext, 'livekit'>): Endpoint[] {
  if (livekit === undefined) return []
  const { native } = livekit
  return [
    endpoint(
      {
        method: 'POST',
        path: `/_matrix/client/${stable}/get_token`,
        also: [`/_matrix/client/${unstable}/get_token`],
        auth: 'user-or-guest',
        limit: 'general',
        body: clientTokenRequest,
        spec,
      },
      ({ requester, body }) => native.get(requester, body),
    ),
    endpoint(
      {
        method: 'POST',
        path: `/_matrix/client/${stable}/delegate_delayed_leave`,
        also: [`/_matrix/client/${unstable}/delegate_delayed_leave`],
        auth: 'user-or-guest',
        limit: 'general',
        body: clientDelegation,
        spec,
      },
      async ({ requester, body }) => {
        await native.delegate(requester, body)
        return {}
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: `/_matrix/federation/${stable}/get_token`,
        also: [`/_matrix/federation/${unstable}/get_token`],
        auth: 'server',
        limit: 'general',
        body: serverTokenRequest,
        spec,
      },
      ({ origin, body }) => native.getForServer(origin, body),
    ),
  ]
}
