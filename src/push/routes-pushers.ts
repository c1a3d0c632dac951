import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { Pusher } from './pushers.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/#'
const key = { app_id: z.string(), pushkey: z.string() }

const body = z.union([
  z.object({ ...key, kind: z.null() }),
  z.object({
    ...key,
    kind: z.string(),
    app_display_name: z.string(),
    device_display_name: z.string(),
    profile_tag: z.string().nullish(),
    lang: z.string(),
    data: z.looseObject({}),
    append: z.boolean().optional(),
  }),
])

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
        body,
        spec: `${spec}post_matrixclientv3pushersset`,
      },
      async ({ requester, body: request }) => {
        const { app_id: appId, pushkey } = request
        if (request.kind === null) {
          await pushers.delete(requester.userId, appId, pushkey)
          return {}
        }
        const pusher: Pusher = {
          appId,
          pushkey,
          kind: request.kind,
          appDisplayName: request.app_display_name,
          deviceDisplayName: request.device_display_name,
          profileTag: request.profile_tag ?? undefined,
          lang: request.lang,
          // It came as JSON.
          data: request.data as JsonObject,
        }
        await pushers.set(requester, pusher, request.append ?? false)
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
  }
}
