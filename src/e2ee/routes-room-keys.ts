import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import {
  backedUpKeySchema,
  fromWire,
  fromWireRoom,
  roomKeysSchema,
  toWire,
  toWireRooms,
  toWireSessions,
} from './backup-format.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/'
const query = z.object({ version: z.string() })
/** Clients send some hundred keys at once. */
const maxBody = 10 * 1024 * 1024

const all = '/_matrix/client/v3/room_keys/keys'
const room = '/_matrix/client/v3/room_keys/keys/{roomId}'
const session = '/_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}'

/** Keys in the key backup, all of them, of a room or of one session. */
export function roomKeysRoutes(ctx: Pick<AppContext, 'e2ee'>): Endpoint[] {
  return [...putRoutes(ctx), ...getRoutes(ctx), ...deleteRoutes(ctx)]
}

function putRoutes({ e2ee: { keyBackup } }: Pick<AppContext, 'e2ee'>): Endpoint[] {
  const options = { method: 'PUT', auth: 'user', limit: 'keys', query, maxBody } as const
  return [
    endpoint(
      {
        ...options,
        path: all,
        body: z.object({ rooms: z.record(z.string(), roomKeysSchema) }),
        spec: `${spec}#put_matrixclientv3room_keyskeys`,
      },
      ({ requester, query: { version }, body }) => {
        const keys = new Map(Object.entries(body.rooms).map(([roomId, sessions]) => [roomId, fromWireRoom(sessions)]))
        return keyBackup.putKeys(requester.userId, version, keys)
      },
    ),
    endpoint(
      { ...options, path: room, body: roomKeysSchema, spec: `${spec}#put_matrixclientv3room_keyskeysroomid` },
      ({ requester, query: { version }, params, body }) =>
        keyBackup.putKeys(requester.userId, version, new Map([[params.roomId, fromWireRoom(body)]])),
    ),
    endpoint(
      {
        ...options,
        path: session,
        body: backedUpKeySchema,
        spec: `${spec}#put_matrixclientv3room_keyskeysroomidsessionid`,
      },
      ({ requester, query: { version }, params, body }) => {
        const keys = new Map([[params.roomId, new Map([[params.sessionId, fromWire(body)]])]])
        return keyBackup.putKeys(requester.userId, version, keys)
      },
    ),
  ]
}

function getRoutes({ e2ee: { keyBackup } }: Pick<AppContext, 'e2ee'>): Endpoint[] {
  const options = { method: 'GET', auth: 'user', limit: 'keys', query } as const
  return [
    endpoint(
      { ...options, path: all, spec: `${spec}#get_matrixclientv3room_keyskeys` },
      async ({ requester, query: { version } }) => ({
        rooms: toWireRooms(await keyBackup.listKeys(requester.userId, version, {})),
      }),
    ),
    endpoint(
      { ...options, path: room, spec: `${spec}#get_matrixclientv3room_keyskeysroomid` },
      async ({ requester, query: { version }, params: { roomId } }) => {
        const keys = await keyBackup.listKeys(requester.userId, version, { roomId })
        return { sessions: toWireSessions(keys.get(roomId)) }
      },
    ),
    endpoint(
      { ...options, path: session, spec: `${spec}#get_matrixclientv3room_keyskeysroomidsessionid` },
      async ({ requester, query: { version }, params }) =>
        toWire(await keyBackup.getKey(requester.userId, version, params.roomId, params.sessionId)),
    ),
  ]
}

function deleteRoutes({ e2ee: { keyBackup } }: Pick<AppContext, 'e2ee'>): Endpoint[] {
  const options = { method: 'DELETE', auth: 'user', limit: 'keys', query } as const
  return [
    endpoint(
      { ...options, path: all, spec: `${spec}#delete_matrixclientv3room_keyskeys` },
      ({ requester, query: { version } }) => keyBackup.deleteKeys(requester.userId, version, {}),
    ),
    endpoint(
      { ...options, path: room, spec: `${spec}#delete_matrixclientv3room_keyskeysroomid` },
      ({ requester, query: { version }, params: { roomId } }) =>
        keyBackup.deleteKeys(requester.userId, version, { roomId }),
    ),
    endpoint(
      { ...options, path: session, spec: `${spec}#delete_matrixclientv3room_keyskeysroomidsessionid` },
      ({ requester, query: { version }, params: { roomId, sessionId } }) =>
        keyBackup.deleteKeys(requester.userId, version, { roomId, sessionId }),
    ),
  ]
}
