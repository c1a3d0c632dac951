import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import { jsonObject } from './key-format.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/'
const backup = z.object({ algorithm: z.string(), auth_data: jsonObject })

/** Versions of the key backup: https://spec.matrix.org/v1.19/client-server-api/#server-side-key-backups */
export function keyBackupRoutes({ e2ee }: Pick<AppContext, 'e2ee'>): Endpoint[] {
  return [
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/room_keys/version',
        auth: 'user',
        limit: 'keys',
        body: backup,
        spec: `${spec}#post_matrixclientv3room_keysversion`,
      },
      async ({ requester, body }) => ({
        version: await e2ee.keyBackup.createVersion(requester.userId, {
          algorithm: body.algorithm,
          authData: body.auth_data,
        }),
      }),
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/room_keys/version',
        auth: 'user',
        limit: 'keys',
        spec: `${spec}#get_matrixclientv3room_keysversion`,
      },
      ({ requester }) => e2ee.keyBackup.getVersion(requester.userId),
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/room_keys/version/{version}',
        auth: 'user',
        limit: 'keys',
        spec: `${spec}#get_matrixclientv3room_keysversionversion`,
      },
      ({ requester, params }) => e2ee.keyBackup.getVersion(requester.userId, params.version),
    ),
    endpoint(
      {
        method: 'PUT',
        path: '/_matrix/client/v3/room_keys/version/{version}',
        auth: 'user',
        limit: 'keys',
        body: backup.extend({ version: z.string().optional() }),
        spec: `${spec}#put_matrixclientv3room_keysversionversion`,
      },
      async ({ requester, params, body }) => {
        if (body.version !== undefined && body.version !== params.version) {
          throw errors.invalidParam('The version in the body is not the one in the path')
        }
        await e2ee.keyBackup.updateVersion(requester.userId, params.version, {
          algorithm: body.algorithm,
          authData: body.auth_data,
        })
        return {}
      },
    ),
    endpoint(
      {
        method: 'DELETE',
        path: '/_matrix/client/v3/room_keys/version/{version}',
        auth: 'user',
        limit: 'keys',
        spec: `${spec}#delete_matrixclientv3room_keysversionversion`,
      },
      async ({ requester, params }) => {
        await e2ee.keyBackup.deleteVersion(requester.userId, params.version)
        return {}
      },
    ),
  ]
}
