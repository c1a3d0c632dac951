import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { errors } from '../../matrix/errors.ts'
import { isServerName } from '../../matrix/ids.ts'
import { isMediaId, type MediaRef } from '../../matrix/mxc.ts'
import { requireLocalId } from '../moderated-account.ts'
import { listRoomMedia } from './room-media.ts'

const base = '/_synapse/admin/v1'
const pageSize = 100

/** Throws `400 M_INVALID_PARAM` for what cannot be media. */
export function requireRef(origin: string, mediaId: string): MediaRef {
  if (!isServerName(origin) || !isMediaId(mediaId)) throw errors.invalidParam('This is no id of media')
  return { origin, mediaId }
}

type Deps = Pick<AppContext, 'db' | 'accounts' | 'media' | 'rooms' | 'serverName'>

/** Content is kept from people, or kept from that. */
export function quarantineRoutes({ db, accounts, media, rooms, serverName }: Deps): Endpoint[] {
  const { quarantine } = media
  return [
    endpoint(
      { method: 'POST', path: `${base}/media/quarantine/{serverName}/{mediaId}`, auth: 'admin' },
      async ({ params, requester }) => {
        await quarantine.add([requireRef(params.serverName, params.mediaId)], requester.userId)
        return {}
      },
    ),
    endpoint(
      { method: 'POST', path: `${base}/media/unquarantine/{serverName}/{mediaId}`, auth: 'admin' },
      async ({ params, requester }) => {
        await quarantine.lift(requireRef(params.serverName, params.mediaId), requester.userId)
        return {}
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: `${base}/room/{roomId}/media/quarantine`,
        also: [`${base}/quarantine_media/{roomId}`],
        auth: 'admin',
      },
      async ({ params, requester, signal }) => {
        const found = await listRoomMedia({ db, rooms }, params.roomId, signal)
        return { num_quarantined: await quarantine.add(found, requester.userId) }
      },
    ),
    endpoint(
      { method: 'POST', path: `${base}/user/{userId}/media/quarantine`, auth: 'admin' },
      async ({ params, requester }) => {
        const userId = requireLocalId(accounts, params.userId)
        return { num_quarantined: await quarantine.addAllOf(userId, requester.userId) }
      },
    ),
    endpoint(
      { method: 'POST', path: `${base}/media/protect/{mediaId}`, auth: 'admin' },
      async ({ params, requester }) => {
        await quarantine.protect(requireRef(serverName, params.mediaId), requester.userId)
        return {}
      },
    ),
    endpoint({ method: 'POST', path: `${base}/media/unprotect/{mediaId}`, auth: 'admin' }, async ({ params }) => {
      await quarantine.unprotect(requireRef(serverName, params.mediaId))
      return {}
    }),
    endpoint(
      {
        method: 'GET',
        path: `${base}/media/quarantine_changes`,
        auth: 'admin',
        query: z.object({ from: z.int().min(0).default(0) }),
      },
      async ({ query: { from } }) => {
        const changes = await quarantine.changes(from, pageSize)
        return {
          next_batch: changes.at(-1)?.change_nid ?? from,
          changes: changes.map(({ origin, media_id, is_quarantined }) => ({
            origin,
            media_id,
            quarantined: is_quarantined === 1,
          })),
        }
      },
    ),
  ]
}
