import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { Pusher } from './pusher.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/#'

const body = z.object({
  app_id: z.string(),
  pushkey: z.string(),
  kind: z.string().nullable(),
  app_display_name: z.string().optional(),
  device_display_name: z.string().optional(),
  profile_tag: z.string().nullish(),
  lang: z.string().optional(),
  data: z.record(z.string(), z.json()).optional(),
  append: z.boolean().optional(),
  enabled: z.boolean().nullish(),
  'org.matrix.msc3881.enabled': z.boolean().nullish(),
  device_id: z.string().nullish(),
  'org.matrix.msc3881.device_id': z.string().nullish(),
})

/** Deleting a pusher takes only its key; setting one takes all the rest. Throws `M_MISSING_PARAM`. */
function readPusher(request: z.output<typeof body>, kind: string): Pusher {
  const { app_display_name: appDisplayName, device_display_name: deviceDisplayName, lang, data } = request
  if (appDisplayName === undefined || deviceDisplayName === undefined || lang === undefined || data === undefined) {
    throw errors.missingParam('app_display_name, device_display_name, lang and data are required')
  }
  return {
    appId: request.app_id,
    pushkey: request.pushkey,
    kind,
    appDisplayName,
    deviceDisplayName,
    profileTag: request.profile_tag ?? undefined,
    lang,
    data,
    enabled: request['org.matrix.msc3881.enabled'] ?? request.enabled ?? true,
    deviceId: request['org.matrix.msc3881.device_id'] ?? request.device_id ?? undefined,
  }
}

/** Where applications register for push notifications. */
export function pusherRoutes({ push: { pushers } }: Pick<AppContext, 'push'>): Endpoint[] {
  return [
    endpoint(
      { method: 'GET', path: '/_matrix/client/v3/pushers', auth: 'user', spec: `${spec}get_matrixclientv3pushers` },
      async ({ requester }) => ({ pushers: (await pushers.list(requester.userId)).map(toWire) }),
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/pushers/set',
        auth: 'user',
        limit: 'general',
        body,
        spec: `${spec}post_matrixclientv3pushersset`,
      },
      async ({ requester, body: request }) => {
        const { kind, append = false } = request
        if (kind === null) await pushers.delete(requester.userId, request.app_id, request.pushkey)
        else await pushers.set(requester, readPusher(request, kind), append)
        return {}
      },
    ),
  ]
}

function toWire(pusher: Pusher): JsonObject {
  return {
    app_id: pusher.appId,
    pushkey: pusher.pushkey,
    kind: pusher.kind,
    app_display_name: pusher.appDisplayName,
    device_display_name: pusher.deviceDisplayName,
    ...(pusher.profileTag === undefined ? {} : { profile_tag: pusher.profileTag }),
    lang: pusher.lang,
    data: pusher.data,
    'org.matrix.msc3881.enabled': pusher.enabled,
    ...(pusher.deviceId === undefined ? {} : { 'org.matrix.msc3881.device_id': pusher.deviceId }),
  }
}
