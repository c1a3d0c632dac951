import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint, type Requester } from '../http/endpoint.ts'
import { errors, MatrixError } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import { isRoomId, type RoomId } from '../matrix/ids.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/#'
const base = '/_matrix/client/v3/user/{userId}'
const deletion = 'https://github.com/matrix-org/matrix-spec-proposals/pull/3391'
const unstable = '/_matrix/client/unstable/org.matrix.msc3391/user/{userId}'

/** Types that have endpoints of their own. */
const pushRules = 'm.push_rules'
const serverControlled = new Set(['m.fully_read', pushRules])

interface Params {
  readonly userId: string
  readonly type: string
  readonly roomId?: string
}

export function accountDataRoutes({ accounts, db, push }: Pick<AppContext, 'accounts' | 'db' | 'push'>): Endpoint[] {
  const { accountData } = accounts

  async function read(requester: Requester, params: Params): Promise<JsonObject> {
    requireSelf(requester, params.userId)
    const roomId = requireRoomId(params.roomId)
    const content = await db.read((reader) =>
      params.type === pushRules && roomId === undefined
        ? push.rules.contentFor(reader, requester.userId)
        : accountData.get(reader, requester.userId, params.type, roomId),
    )
    if (!content) throw errors.notFound('There is no such account data')
    return content
  }

  /** Without content, or with an empty one, the data is deleted. */
  async function write(requester: Requester, params: Params, content: JsonObject = {}): Promise<object> {
    requireSelf(requester, params.userId)
    const roomId = requireRoomId(params.roomId)
    if (serverControlled.has(params.type)) {
      throw new MatrixError(405, 'M_BAD_JSON', `${params.type} cannot be set as account data`)
    }
    await db.write('account data', async (tx) => {
      if (Object.keys(content).length > 0) await accountData.set(tx, requester.userId, params.type, content, roomId)
      else await accountData.delete(tx, requester.userId, params.type, roomId)
    })
    return {}
  }

  const path = `${base}/account_data/{type}` as const
  const roomPath = `${base}/rooms/{roomId}/account_data/{type}` as const
  const body = z.looseObject({})

  return [
    endpoint(
      { method: 'GET', path, auth: 'user', spec: `${spec}get_matrixclientv3useruseridaccount_datatype` },
      ({ requester, params }) => read(requester, params),
    ),
    endpoint(
      {
        method: 'GET',
        path: roomPath,
        auth: 'user',
        spec: `${spec}get_matrixclientv3useruseridroomsroomidaccount_datatype`,
      },
      ({ requester, params }) => read(requester, params),
    ),
    // The bodies have been parsed as JSON objects.
    endpoint(
      { method: 'PUT', path, auth: 'user', body, spec: `${spec}put_matrixclientv3useruseridaccount_datatype` },
      ({ requester, params, rawBody }) => write(requester, params, rawBody as JsonObject),
    ),
    endpoint(
      {
        method: 'PUT',
        path: roomPath,
        auth: 'user',
        body,
        spec: `${spec}put_matrixclientv3useruseridroomsroomidaccount_datatype`,
      },
      ({ requester, params, rawBody }) => write(requester, params, rawBody as JsonObject),
    ),
    endpoint(
      { method: 'DELETE', path, also: [`${unstable}/account_data/{type}`], auth: 'user', spec: deletion },
      ({ requester, params }) => write(requester, params),
    ),
    endpoint(
      {
        method: 'DELETE',
        path: roomPath,
        also: [`${unstable}/rooms/{roomId}/account_data/{type}`],
        auth: 'user',
        spec: deletion,
      },
      ({ requester, params }) => write(requester, params),
    ),
  ]
}

function requireSelf(requester: Requester, userId: string): void {
  if (requester.userId !== userId) throw errors.forbidden('Account data of other users is private')
}

function requireRoomId(roomId: string | undefined): RoomId | undefined {
  if (roomId === undefined) return undefined
  if (!isRoomId(roomId)) throw errors.invalidParam('Wrong path parameter roomId: not a room id')
  return roomId
}
