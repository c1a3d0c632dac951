import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type AnyRequest, type Endpoint, endpoint, type Requester } from '../http/endpoint.ts'
import { reply } from '../http/reply.ts'
import { errors } from '../matrix/errors.ts'
import type { UserId } from '../matrix/ids.ts'
import { confirmAction } from './confirmation.ts'
import type { Device } from './types.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/#'

function deviceJson(device: Device, userId: UserId) {
  return {
    device_id: device.deviceId,
    user_id: userId,
    ...(device.displayName !== undefined && { display_name: device.displayName }),
    ...(device.lastSeenIp !== undefined && { last_seen_ip: device.lastSeenIp }),
    ...(device.lastSeenTs !== undefined && { last_seen_ts: device.lastSeenTs }),
  }
}

export function deviceRoutes({ accounts, db, limiter }: Pick<AppContext, 'accounts' | 'db' | 'limiter'>): Endpoint[] {
  const { devices } = accounts
  const path = '/_matrix/client/v3/devices/{deviceId}'

  /** Asks for the password, except from application services. */
  const confirm = async (request: AnyRequest & { requester: Requester }) => {
    if (!request.requester.appservice) await confirmAction({ accounts, db, limiter }, request)
  }

  const remove = (userId: UserId, deviceIds: readonly string[]) =>
    db.write('delete devices', async (tx) => {
      const wanted = new Set(deviceIds)
      for (const { deviceId } of await devices.list(tx, userId)) {
        if (wanted.has(deviceId)) await accounts.sessions.end(tx, userId, deviceId)
      }
    })

  return [
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/devices',
        auth: 'user-or-guest',
        spec: `${spec}get_matrixclientv3devices`,
      },
      async ({ requester: { userId } }) => {
        const list = await db.read((reader) => devices.list(reader, userId))
        return { devices: list.map((device) => deviceJson(device, userId)) }
      },
    ),
    endpoint(
      { method: 'GET', path, auth: 'user-or-guest', spec: `${spec}get_matrixclientv3devicesdeviceid` },
      async ({ requester: { userId }, params }) => {
        const device = await db.read((reader) => devices.get(reader, userId, params.deviceId))
        if (!device) throw errors.notFound('There is no such device')
        return deviceJson(device, userId)
      },
    ),
    endpoint(
      {
        method: 'PUT',
        path,
        auth: 'user-or-guest',
        body: z.object({ display_name: z.string().optional() }),
        spec: `${spec}put_matrixclientv3devicesdeviceid`,
      },
      async ({ requester, params, body: { display_name: name } }) => {
        if (requester.appservice) {
          const isNew = await devices.put(requester.userId, params.deviceId, name)
          return reply(isNew ? 201 : 200, {})
        }
        const { userId } = requester
        if (name !== undefined) await devices.rename(userId, params.deviceId, name)
        else if (!(await db.read((reader) => devices.get(reader, userId, params.deviceId)))) {
          throw errors.notFound('There is no such device')
        }
        return {}
      },
    ),
    endpoint(
      { method: 'DELETE', path, auth: 'user', body: z.object({}), spec: `${spec}delete_matrixclientv3devicesdeviceid` },
      async (request) => {
        await confirm(request)
        await remove(request.requester.userId, [request.params.deviceId])
        return {}
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/delete_devices',
        auth: 'user',
        body: z.object({ devices: z.array(z.string()).optional() }),
        spec: `${spec}post_matrixclientv3delete_devices`,
      },
      async (request) => {
        const outcome = request.requester.appservice ? request : await confirmAction({ accounts, db, limiter }, request)
        const parsed = z.array(z.string()).safeParse(outcome.body.devices)
        if (!parsed.success) throw errors.missingParam('Missing key devices')
        await remove(request.requester.userId, parsed.data)
        return {}
      },
    ),
  ]
}
