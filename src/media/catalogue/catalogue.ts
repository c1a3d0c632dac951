import type { Database } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { MediaRef } from '../../matrix/mxc.ts'
import type { Clock } from '../../util/clock.ts'
import type { Accesses } from '../accesses/accesses.ts'
import type { Blobs } from '../blobs.ts'
import { type DeletionEntry, type DeletionFilter, listDeletions } from '../deletions/store-deletions.ts'
import { removeMedia } from '../remove-media.ts'
import {
  type CatalogueEntry,
  countUploadsOf,
  getEntry,
  isDeletableById,
  listDeletableOf,
  listUnused,
  listUploadsOf,
  type MediaPage,
  type UnusedFilter,
} from './store-catalogue.ts'
import { listUsage, type UsageRequest } from './store-usage.ts'

export { type CatalogueEntry, mediaOrders } from './store-catalogue.ts'
export { usageOrders } from './store-usage.ts'

/** What administrators see of media, and delete of it. */
export interface Catalogue {
  get(ref: MediaRef): Promise<CatalogueEntry | undefined>
  listOf(uploader: UserId, page: MediaPage): Promise<{ media: CatalogueEntry[]; total: number }>
  /** Deletes media also from quarantine. Throws `M_NOT_FOUND`, and `M_FORBIDDEN` where it is held. */
  delete(ref: MediaRef, by: UserId): Promise<void>
  /** Deletes a page of what somebody has uploaded and is neither held nor in quarantine; returns the ids. */
  deleteOf(uploader: UserId, page: MediaPage, by: UserId): Promise<string[]>
  /** Deletes what was not asked for since a time and is neither held nor in quarantine; returns the ids. */
  deleteUnused(filter: UnusedFilter, by: UserId, signal: AbortSignal): Promise<string[]>
  /** How much people have uploaded that is still here. */
  usage(request: UsageRequest): ReturnType<typeof listUsage>
  /** The log of deletions, the newest first. */
  deletions(filter: DeletionFilter, limit: number): Promise<DeletionEntry[]>
}

export interface CatalogueDeps {
  readonly db: Database
  readonly clock: Clock
  readonly blobs: Pick<Blobs, 'release'>
  readonly accesses: Pick<Accesses, 'flush'>
}

const pageSize = 100
const reason = 'deleted by an administrator'

export function createCatalogue({ db, clock, blobs, accesses }: CatalogueDeps): Catalogue {
  return {
    get: async (ref) => {
      await accesses.flush()
      return db.read((reader) => getEntry(reader, ref))
    },
    listOf: async (uploader, page) => {
      await accesses.flush()
      return db.read(async (reader) => ({
        media: await listUploadsOf(reader, uploader, page),
        total: await countUploadsOf(reader, uploader),
      }))
    },
    delete: (ref, by) =>
      db.write('admin: delete media', async (tx) => {
        const now = clock.now()
        const media = await getEntry(tx, ref)
        if (!media) throw errors.notFound('There is no such media')
        if (!(await isDeletableById(tx, media.nid, now)))
          throw errors.forbidden('The media is held: lift the hold first')
        await removeMedia(tx, blobs, [media], { reason, now, by, isForgotten: media.kind === 'remote' })
      }),
    deleteOf: async (uploader, page, by) => {
      await accesses.flush()
      const deleted: string[] = []
      for (let left = page.limit, isMore = left > 0; isMore; ) {
        const limit = Math.min(left, pageSize)
        const found = await db.write('admin: delete uploads', async (tx) => {
          const now = clock.now()
          const due = await listDeletableOf(tx, uploader, { ...page, limit }, now)
          await removeMedia(tx, blobs, due, { reason, now, by })
          return due
        })
        deleted.push(...found.map(({ mediaId }) => mediaId))
        left -= found.length
        isMore = left > 0 && found.length === limit
      }
      return deleted
    },
    deleteUnused: async (filter, by, signal) => {
      await accesses.flush()
      const deleted: string[] = []
      for (let after: { ts: number; nid: number } | undefined, isMore = true; isMore; ) {
        signal.throwIfAborted()
        const from = after
        const found = await db.write('admin: delete unused', async (tx) => {
          const now = clock.now()
          const due = await listUnused(tx, filter, { after: from, limit: pageSize, now })
          await removeMedia(tx, blobs, due, { reason, now, by, isForgotten: filter.kind === 'remote' })
          return due
        })
        for (const { mediaId, usedTs: ts, nid } of found) {
          deleted.push(mediaId)
          after = { ts, nid }
        }
        isMore = found.length === pageSize
      }
      return deleted
    },
    usage: (request) => db.read((reader) => listUsage(reader, request)),
    deletions: (filter, limit) => db.read((reader) => listDeletions(reader, filter, limit)),
  }
}
