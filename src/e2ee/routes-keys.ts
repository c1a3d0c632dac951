import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint, type Requester } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import type { DeviceId } from '../matrix/ids.ts'
import { parseStreamToken } from '../matrix/stream-token.ts'
import { checkDeviceKeys, deviceKeysSchema, oneTimeKeysSchema, parseNamedKeys } from './key-format.ts'
import { limitNamed } from './limits.ts'
import { toNested } from './nested.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/'
const timeout = z.int().min(0).optional()
const defaultTimeout = 10_000
const maxTimeout = 30_000

/** Devices publish and ask for keys: https://spec.matrix.org/v1.19/client-server-api/#key-management-api */
export function keysRoutes({ e2ee, db }: Pick<AppContext, 'e2ee' | 'db'>): Endpoint[] {
  return [
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/keys/upload',
        auth: 'user-or-guest',
        limit: 'keys',
        strictNumbers: true,
        body: z.object({
          device_keys: deviceKeysSchema.nullish(),
          one_time_keys: oneTimeKeysSchema.nullish(),
          fallback_keys: oneTimeKeysSchema.nullish(),
        }),
        spec: `${spec}#post_matrixclientv3keysupload`,
      },
      async ({ requester, body }) => {
        const device = { userId: requester.userId, deviceId: requireDevice(requester) }
        const counts = await e2ee.uploadKeys(device, {
          deviceKeys: body.device_keys ? checkDeviceKeys(body.device_keys, device.userId, device.deviceId) : undefined,
          oneTime: parseNamedKeys(body.one_time_keys ?? {}),
          fallback: parseNamedKeys(body.fallback_keys ?? {}),
        })
        return { one_time_key_counts: counts }
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/keys/query',
        auth: 'user-or-guest',
        limit: 'keys',
        body: z.object({ timeout, device_keys: z.record(z.string(), z.array(z.string())) }),
        spec: `${spec}#post_matrixclientv3keysquery`,
      },
      ({ requester, body }) => {
        const wanted = new Map(Object.entries(body.device_keys))
        limitNamed(wanted)
        return e2ee.queryKeys(requester.userId, wanted, patience(body.timeout))
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/keys/claim',
        auth: 'user-or-guest',
        limit: 'keys',
        body: z.object({ timeout, one_time_keys: z.record(z.string(), z.record(z.string(), z.string())) }),
        spec: `${spec}#post_matrixclientv3keysclaim`,
      },
      ({ body }) => {
        const wanted = toNested(body.one_time_keys, (algorithm) => algorithm)
        limitNamed(wanted)
        return e2ee.claimKeys(wanted, patience(body.timeout))
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/keys/changes',
        auth: 'user',
        limit: 'keys',
        query: z.object({ from: z.string(), to: z.string() }),
        spec: `${spec}#get_matrixclientv3keyschanges`,
      },
      ({ requester, query }) => {
        const [from, to] = [parseStreamToken(query.from), parseStreamToken(query.to)]
        if (!from || !to) throw errors.invalidParam('from and to must be tokens that a sync has returned')
        return db.read((reader) => e2ee.deviceLists(reader, requester.userId, from.position, to.position))
      },
    ),
  ]
}

/** The device of the request; application services have none unless they name one. */
function requireDevice(requester: Requester): DeviceId {
  if (requester.deviceId === undefined) throw errors.missingParam('This needs a device: give device_id')
  return requester.deviceId
}

function patience(asked: number | undefined): number {
  return Math.min(asked ?? defaultTimeout, maxTimeout)
}
