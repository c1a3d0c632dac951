import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { legacyRequest, servicePath, slotDelegation, slotRequest } from './wire.ts'

const surface = 'client'

/** Where there is no LiveKit these are unknown paths: clients then look elsewhere, while an empty list would end their search. */
export function livekitRoutes({ livekit }: Pick<AppContext, 'livekit'>): Endpoint[] {
  if (livekit === undefined) return []
  return [
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v1/rtc/transports',
        also: ['/_matrix/client/unstable/org.matrix.msc4143/rtc/transports'],
        auth: 'user',
        spec: 'https://github.com/matrix-org/matrix-spec-proposals/pull/4143',
      },
      () => livekit.discovery(),
    ),
    endpoint({ method: 'GET', path: `${servicePath}/healthz`, auth: 'none', surface }, () => ({})),
    // Users of other servers come here, too: an OpenID token says who they are.
    endpoint(
      {
        method: 'POST',
        path: `${servicePath}/sfu/get`,
        auth: 'none',
        limit: 'general',
        surface,
        body: legacyRequest,
        spec: 'https://github.com/matrix-org/matrix-spec-proposals/pull/4195',
      },
      ({ body }) => livekit.admit(body),
    ),
    endpoint(
      {
        method: 'POST',
        path: `${servicePath}/get_token`,
        auth: 'none',
        limit: 'general',
        surface,
        body: slotRequest,
        spec: 'https://github.com/matrix-org/matrix-spec-proposals/pull/4195',
      },
      ({ body }) => livekit.admit(body),
    ),
    endpoint(
      {
        method: 'POST',
        path: `${servicePath}/delegate_delayed_leave`,
        auth: 'none',
        limit: 'general',
        surface,
        body: slotDelegation,
        spec: 'https://github.com/matrix-org/matrix-spec-proposals/pull/4195',
      },
      async ({ body }) => {
        await livekit.delegate(body)
        return {}
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: `${servicePath}/sfu_webhook`,
        auth: 'none',
        surface,
        // Participants may describe themselves at some length, and it is all told each time.
        maxBody: 512 * 1024,
        spec: 'https://docs.livekit.io/home/server/webhooks/',
      },
      async (request) => {
        const { headers, ip } = request
        await livekit.receiveWebhook({ authorization: headers.authorization, body: await request.bytes(), ip })
        return {}
      },
    ),
  ]
}
