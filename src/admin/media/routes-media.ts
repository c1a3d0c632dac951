import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { errors } from '../../matrix/errors.ts'
import { formatMxc, type MediaRef } from '../../matrix/mxc.ts'
import { type CatalogueEntry, mediaOrders } from '../../media/catalogue/catalogue.ts'
import { listQuery } from '../list-query.ts'
import { requireLocalId } from '../moderated-account.ts'
import { listRoomMedia } from './room-media.ts'
import { requireRef } from './routes-quarantine.ts'

const base = '/_synapse/admin/v1'
const uploadsQuery = listQuery.extend({ order_by: z.enum(mediaOrders).optional(), dir: z.enum(['f', 'b']).optional() })
type UploadsQuery = z.output<typeof uploadsQuery>

/** Newest first where nothing is asked for, as existing tools expect it. */
function pageOf({ from: offset, limit, order_by: order, dir }: UploadsQuery) {
  const descending = order === undefined && dir === undefined ? true : dir === 'b'
  return { offset, limit, order: order ?? 'created_ts', descending } as const
}

const json = (entry: CatalogueEntry) => ({
  created_ts: entry.createdTs,
  last_access_ts: entry.usedTs,
  media_id: entry.mediaId,
  media_length: entry.size,
  media_type: entry.contentType,
  quarantined_by: entry.quarantinedBy,
  safe_from_quarantine: entry.protectedBy !== null,
  upload_name: entry.fileName,
})

// Times before 1971 are seconds that somebody took for milliseconds.
const time = z.int().min(30_000_000_000, { error: 'must be a time in milliseconds since 1970' })
const deleteQuery = z.object({
  before_ts: time,
  size_gt: z.int().min(0).default(0),
  keep_profiles: z.boolean().default(true),
})

type Deps = Pick<AppContext, 'db' | 'accounts' | 'media' | 'rooms' | 'serverName'>

/** Media, as existing tools of administrators list and delete it. */
export function mediaAdminRoutes({ db, accounts, media, rooms, serverName }: Deps): Endpoint[] {
  const { catalogue } = media
  const deleted = (ids: readonly string[]) => ({ deleted_media: ids, total: ids.length })
  const path = `${base}/media/{serverName}/{mediaId}` as const
  const userPath = `${base}/users/{userId}/media` as const
  return [
    endpoint({ method: 'GET', path: `${base}/room/{roomId}/media`, auth: 'admin' }, async ({ params, signal }) => {
      const found = await listRoomMedia({ db, rooms }, params.roomId, signal)
      const uris = (isWanted: (ref: MediaRef) => boolean) => found.filter(isWanted).map(formatMxc)
      return {
        local: uris(({ origin }) => origin === serverName),
        remote: uris(({ origin }) => origin !== serverName),
      }
    }),
    endpoint({ method: 'GET', path: userPath, auth: 'admin', query: uploadsQuery }, async ({ params, query }) => {
      const userId = requireLocalId(accounts, params.userId)
      const { media: found, total } = await catalogue.listOf(userId, pageOf(query))
      const next = query.from + found.length
      return { media: found.map(json), total, ...(next < total && { next_token: next }) }
    }),
    endpoint(
      { method: 'DELETE', path: userPath, auth: 'admin', query: uploadsQuery },
      async ({ params, query, requester }) => {
        const userId = requireLocalId(accounts, params.userId)
        return deleted(await catalogue.deleteOf(userId, pageOf(query), requester.userId))
      },
    ),
    endpoint({ method: 'GET', path, auth: 'admin' }, async ({ params }) => {
      const entry = await catalogue.get(requireRef(params.serverName, params.mediaId))
      if (!entry) throw errors.notFound('There is no such media')
      return {
        media_info: {
          ...json(entry),
          media_origin: entry.origin === serverName ? null : entry.origin,
          user_id: entry.uploader,
          filesystem_id: null,
          url_cache: entry.kind === 'preview' ? '' : null,
          authenticated: true,
          sha256: entry.sha256,
        },
      }
    }),
    endpoint({ method: 'DELETE', path, auth: 'admin' }, async ({ params, requester }) => {
      const ref = requireRef(params.serverName, params.mediaId)
      await catalogue.delete(ref, requester.userId)
      return deleted([ref.mediaId])
    }),
    endpoint(
      {
        method: 'POST',
        path: `${base}/media/delete`,
        also: [`${base}/media/{serverName}/delete`],
        auth: 'admin',
        query: deleteQuery,
      },
      async ({ query, requester, signal }) => {
        const { before_ts: before, size_gt: sizeOver, keep_profiles: keepPinned } = query
        const filter = { kind: 'local', before, sizeOver, keepPinned } as const
        return deleted(await catalogue.deleteUnused(filter, requester.userId, signal))
      },
    ),
    endpoint(
      { method: 'POST', path: `${base}/purge_media_cache`, auth: 'admin', query: z.object({ before_ts: time }) },
      async ({ query: { before_ts: before }, requester, signal }) => {
        const filter = { kind: 'remote', before, sizeOver: -1, keepPinned: false } as const
        return { deleted: (await catalogue.deleteUnused(filter, requester.userId, signal)).length }
      },
    ),
  ]
}
