import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import { isDeviceId } from '../matrix/ids.ts'
import { checkDeviceKeys, deviceKeysSchema, jsonObject, oneTimeKeysSchema, parseNamedKeys } from './key-format.ts'

const path = '/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device'
const spec = 'https://github.com/matrix-org/matrix-spec-proposals/pull/3814'

/** Dehydrated devices (MSC3814). Their events are had by `POST`, as the proposal says, and by `GET`, as clients do it. */
export function dehydratedRoutes({ e2ee: { dehydrated } }: Pick<AppContext, 'e2ee'>): Endpoint[] {
  return [
    endpoint(
      {
        method: 'PUT',
        path,
        auth: 'user',
        limit: 'keys',
        strictNumbers: true,
        body: z.object({
          device_id: z.string(),
          device_data: jsonObject,
          initial_device_display_name: z.string().nullish(),
          device_keys: deviceKeysSchema,
          one_time_keys: oneTimeKeysSchema.nullish(),
          fallback_keys: oneTimeKeysSchema.nullish(),
        }),
        spec,
      },
      async ({ requester, body }) => {
        const deviceId = body.device_id
        if (!isDeviceId(deviceId)) throw errors.invalidParam('A device id has 1 to 255 bytes')
        await dehydrated.put(requester.userId, {
          deviceId,
          displayName: body.initial_device_display_name ?? undefined,
          deviceData: body.device_data,
          deviceKeys: checkDeviceKeys(body.device_keys, requester.userId, deviceId),
          oneTime: parseNamedKeys(body.one_time_keys ?? {}),
          fallback: parseNamedKeys(body.fallback_keys ?? {}),
        })
        return { device_id: deviceId }
      },
    ),
    endpoint({ method: 'GET', path, auth: 'user', limit: 'keys', spec }, async ({ requester }) => {
      const { deviceId, deviceData } = await dehydrated.get(requester.userId)
      return { device_id: deviceId, device_data: deviceData }
    }),
    endpoint({ method: 'DELETE', path, auth: 'user', limit: 'keys', spec }, async ({ requester }) => ({
      device_id: await dehydrated.remove(requester.userId),
    })),
    endpoint(
      {
        method: 'GET',
        path: `${path}/{deviceId}/events`,
        auth: 'user',
        limit: 'keys',
        query: z.object({ from: z.string().optional() }),
        spec,
      },
      async ({ requester, params, query }) => {
        const from = positionOf(query.from)
        const { events, position } = await dehydrated.listEvents(requester.userId, params.deviceId, from)
        // These clients stop where there is no further batch.
        return events.length > 0 ? { events, next_batch: String(position) } : { events }
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: `${path}/{deviceId}/events`,
        auth: 'user',
        limit: 'keys',
        body: z.object({ next_batch: z.string().nullish() }),
        spec,
      },
      async ({ requester, params, body }) => {
        const from = positionOf(body.next_batch ?? undefined)
        const { events, position } = await dehydrated.listEvents(requester.userId, params.deviceId, from)
        return { events, next_batch: String(position) }
      },
    ),
  ]
}

function positionOf(token: string | undefined): number {
  if (token === undefined) return 0
  if (!/^\d{1,15}$/.test(token)) throw errors.invalidParam('This is no next_batch of ours')
  return Number(token)
}
