import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import { requireLocalId } from './moderated-account.ts'

/** From where somebody is logged in: for themselves and for administrators. */
export function whoisRoutes({ db, accounts }: Pick<AppContext, 'db' | 'accounts'>): Endpoint[] {
  return [
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/admin/whois/{userId}',
        also: ['/_synapse/admin/v1/whois/{userId}'],
        auth: 'user',
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3adminwhoisuserid',
      },
      async ({ params, requester }) => {
        if (!requester.isAdmin && requester.userId !== params.userId) {
          throw errors.forbidden('Only server administrators may ask that about others')
        }
        const userId = requireLocalId(accounts, params.userId)
        const devices = await db.read(async (reader) => {
          if ((await accounts.users.get(reader, userId)) === undefined)
            throw errors.notFound('There is no such account')
          return accounts.devices.list(reader, userId)
        })
        return {
          user_id: userId,
          devices: Object.fromEntries(
            devices.map((device) => {
              const connection = {
                ...(device.lastSeenIp !== undefined && { ip: device.lastSeenIp }),
                ...(device.lastSeenTs !== undefined && { last_seen: device.lastSeenTs }),
                ...(device.lastSeenUserAgent !== undefined && { user_agent: device.lastSeenUserAgent }),
              }
              const connections = device.lastSeenTs === undefined ? [] : [connection]
              return [device.deviceId, { sessions: [{ connections }] }]
            }),
          ),
        }
      },
    ),
  ]
}
