import { z } from 'zod'
import type { AppContext } from '../../../context.ts'
import { limitNamed } from '../../../e2ee/limits.ts'
import { nestedObject, toNested } from '../../../e2ee/nested.ts'
import { type Endpoint, endpoint } from '../../../http/endpoint.ts'
import { errors } from '../../../matrix/errors.ts'
import { isUserId } from '../../../matrix/ids.ts'
import { nullAsEmptyList } from '../../../matrix/null-as-empty.ts'

const spec = 'https://spec.matrix.org/v1.19/server-server-api/#'

/** Devices and keys of our users, for other servers. */
export function userKeyRoutes({ db, e2ee, accounts }: Pick<AppContext, 'db' | 'e2ee' | 'accounts'>): Endpoint[] {
  const isLocal = (userId: string) => isUserId(userId) && accounts.isLocalUser(userId)
  const localOf = <T>(byUser: Record<string, T>) => Object.entries(byUser).filter(([userId]) => isLocal(userId))

  return [
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/federation/v1/user/devices/{userId}',
        auth: 'server',
        spec: `${spec}get_matrixfederationv1userdevicesuserid`,
      },
      ({ params: { userId } }) => {
        if (!isLocal(userId)) throw errors.invalidParam('The user is none of this server')
        return db.read(async (reader) => {
          const keys = await e2ee.queryLocalKeys(reader, new Map([[userId, []]]))
          const devices = keys.device_keys[userId]
          if (devices === undefined) throw errors.notFound('There is no such user')
          return {
            user_id: userId,
            stream_id: await e2ee.lastChange(reader, userId),
            devices: Object.entries(devices).map(([deviceId, { unsigned, ...signed }]) => {
              const name: unknown = Object(unsigned).device_display_name
              return {
                device_id: deviceId,
                keys: signed,
                ...(typeof name === 'string' && { device_display_name: name }),
              }
            }),
            ...(keys.master_keys[userId] && { master_key: keys.master_keys[userId] }),
            ...(keys.self_signing_keys[userId] && { self_signing_key: keys.self_signing_keys[userId] }),
          }
        })
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/federation/v1/user/keys/query',
        auth: 'server',
        body: z.object({ device_keys: z.record(z.string(), nullAsEmptyList(z.array(z.string()))) }),
        spec: `${spec}post_matrixfederationv1userkeysquery`,
      },
      async ({ body }) => {
        const wanted = new Map(localOf(body.device_keys))
        limitNamed(wanted)
        const { user_signing_keys: _private, ...keys } = await db.read((reader) => e2ee.queryLocalKeys(reader, wanted))
        return keys
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/federation/v1/user/keys/claim',
        auth: 'server',
        body: z.object({ one_time_keys: z.record(z.string(), z.record(z.string(), z.string())) }),
        spec: `${spec}post_matrixfederationv1userkeysclaim`,
      },
      async ({ body }) => {
        const wanted = toNested(Object.fromEntries(localOf(body.one_time_keys)), (algorithm) => algorithm)
        limitNamed(wanted)
        const claimed = await db.write('claim keys', (tx) => e2ee.claimLocalKeys(tx, wanted))
        return { one_time_keys: nestedObject(claimed) }
      },
    ),
  ]
}
