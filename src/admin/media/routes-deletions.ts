import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { reply } from '../../http/reply.ts'
import type { ServerName } from '../../matrix/ids.ts'
import { formatMxc } from '../../matrix/mxc.ts'
import type { DueEntry } from '../../media/due/due-media.ts'

const base = '/_ringback/admin/v1/media'
const limit = z.int().min(1).max(1000).default(100)
const query = z.object({
  limit,
  from: z.int().min(1).optional(),
  user_id: z.string().optional(),
  kind: z.enum(['local', 'remote', 'preview']).optional(),
  reason: z.string().optional(),
  sha256: z.string().optional(),
})

export const dueJson = (entry: DueEntry) => ({
  mxc: entry.mxc,
  kind: entry.kind,
  reason: entry.reason,
  size: entry.size,
  sha256: entry.sha256,
  uploader: entry.uploader,
  created_ts: entry.createdTs,
  last_access_ts: entry.usedTs,
})

/** What has been deleted, and what would be. */
export function deletionRoutes({ db, jobs, media }: Pick<AppContext, 'db' | 'jobs' | 'media'>): Endpoint[] {
  return [
    endpoint({ method: 'GET', path: `${base}/deletions`, auth: 'admin', query }, async ({ query: wanted }) => {
      const { from: before, user_id: uploader, kind, reason, sha256 } = wanted
      const filter = { uploader, kind, reason, sha256, before }
      const found = await media.catalogue.deletions(filter, wanted.limit)
      const last = found.length === wanted.limit ? found.at(-1) : undefined
      return {
        deletions: found.map(({ deletion_nid, origin, media_id, ...entry }) => ({
          // The rows are ours.
          mxc: formatMxc({ origin: origin as ServerName, mediaId: media_id }),
          ...entry,
        })),
        ...(last && { next: last.deletion_nid }),
      }
    }),
    endpoint(
      { method: 'GET', path: `${base}/due`, auth: 'admin', query: z.object({ limit }) },
      async ({ query: { limit } }) => {
        const { entries, sums } = await media.due(limit)
        return { media: entries.map(dueJson), totals: sums }
      },
    ),
    endpoint({ method: 'POST', path: `${base}/sweep`, auth: 'admin' }, async () => {
      await db.write('admin: sweep', async (tx) => {
        for (const kind of media.sweepJobs) await jobs.enqueue(tx, kind, {}, { key: 'admin' })
      })
      return reply(202, {})
    }),
  ]
}
