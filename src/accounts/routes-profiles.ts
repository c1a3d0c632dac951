import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import { isUserId, type UserId } from '../matrix/ids.ts'
import { checkProfileKey } from './profile-fields.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/#'
const unstable = '/_matrix/client/unstable/uk.tcpip.msc4133'

export function profileRoutes({ accounts, db }: Pick<AppContext, 'accounts' | 'db'>): Endpoint[] {
  const { profiles } = accounts
  const path = '/_matrix/client/v3/profile/{userId}/{keyName}'
  const also = [`${unstable}/profile/{userId}/{keyName}`]

  const localProfile = async (userId: UserId) => {
    const find = () => db.read((reader) => profiles.get(reader, userId))
    return (await find()) ?? ((await accounts.appservices.queryUser(userId)) ? await find() : undefined)
  }

  const requireProfile = async (id: string, field?: string): Promise<JsonObject> => {
    const userId = requireUserId(id)
    const profile = accounts.isLocalUser(userId)
      ? await localProfile(userId)
      : await accounts.remoteProfile(userId, field)
    if (!profile) throw errors.notFound('There is no such profile')
    return profile
  }

  const requireOwn = async (requester: { userId: UserId }, id: string, keyName: string): Promise<UserId> => {
    const userId = requireUserId(id)
    if (requester.userId !== userId) throw errors.forbidden("You cannot change another user's profile")
    checkProfileKey(keyName)
    await db.read((reader) => accounts.users.requireActive(reader, userId))
    return userId
  }

  return [
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/profile/{userId}',
        also: [`${unstable}/profile/{userId}`],
        auth: 'none',
        limit: 'lookup',
        spec: `${spec}get_matrixclientv3profileuserid`,
      },
      ({ params }) => requireProfile(params.userId),
    ),
    endpoint(
      {
        method: 'GET',
        path,
        also,
        auth: 'none',
        limit: 'lookup',
        spec: `${spec}get_matrixclientv3profileuseridkeyname`,
      },
      async ({ params: { userId, keyName } }) => {
        const profile = await requireProfile(userId, keyName)
        const value = Object.hasOwn(profile, keyName) ? profile[keyName] : undefined
        if (value === undefined) throw errors.notFound('The profile has no such field')
        return { [keyName]: value }
      },
    ),
    endpoint(
      {
        method: 'PUT',
        path,
        also,
        auth: 'user-or-guest',
        limit: 'profile',
        body: z.looseObject({}),
        maxBody: 128 * 1024,
        spec: `${spec}put_matrixclientv3profileuseridkeyname`,
      },
      async ({ requester, params, rawBody }) => {
        const userId = await requireOwn(requester, params.userId, params.keyName)
        // The app has parsed it as a JSON object.
        const body = rawBody as JsonObject
        const value = Object.hasOwn(body, params.keyName) ? body[params.keyName] : undefined
        if (value === undefined) throw errors.missingParam(`Missing key ${params.keyName}`)
        await profiles.set(userId, params.keyName, value)
        return {}
      },
    ),
    endpoint(
      {
        method: 'DELETE',
        path,
        also,
        auth: 'user-or-guest',
        limit: 'profile',
        spec: `${spec}delete_matrixclientv3profileuseridkeyname`,
      },
      async ({ requester, params }) => {
        const userId = await requireOwn(requester, params.userId, params.keyName)
        await profiles.set(userId, params.keyName, undefined)
        return {}
      },
    ),
  ]
}

function requireUserId(text: string): UserId {
  if (!isUserId(text)) throw errors.invalidParam('Wrong path parameter userId: not a user id')
  return text
}
