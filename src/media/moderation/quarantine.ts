import type { Database, Tx } from '../../db/database.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import { errors } from '../../matrix/errors.ts'
import type { ServerName, UserId } from '../../matrix/ids.ts'
import type { MediaRef } from '../../matrix/mxc.ts'
import type { Clock } from '../../util/clock.ts'
import { resettleJob } from '../delivery/resettle.ts'
import { deleteProtections, insertProtection } from './store-protections.ts'
import {
  deleteQuarantine,
  getModerated,
  insertChange,
  insertEndedHolds,
  insertQuarantine,
  listChanges,
  listUploads,
} from './store-quarantine.ts'

/**
 * Keeps content from people: whatever has the same bytes, from here or elsewhere, now or later, is not found by them,
 * and is not deleted by rules. Protected media is exempt.
 */
export interface Quarantine {
  /** Returns how many of these were not in quarantine before. What is not here does not count. */
  add(refs: readonly MediaRef[], by: UserId): Promise<number>
  addAllOf(uploader: UserId, by: UserId): Promise<number>
  lift(ref: MediaRef, by: UserId): Promise<void>
  /** Throws `M_NOT_FOUND` where there is no such media of ours. */
  protect(ref: MediaRef, by: UserId): Promise<void>
  unprotect(ref: MediaRef): Promise<void>
  /** What was changed after an entry, the oldest first. */
  changes(after: number, limit: number): Promise<Awaited<ReturnType<typeof listChanges>>>
}

const pageSize = 100

export interface QuarantineDeps {
  readonly db: Database
  readonly clock: Clock
  readonly jobs: Pick<Jobs, 'enqueue'>
}

export function createQuarantine({ db, clock, jobs }: QuarantineDeps): Quarantine {
  async function addOne(tx: Tx, ref: MediaRef, by: UserId): Promise<boolean> {
    const media = await getModerated(tx, ref)
    if (!media || media.isProtected || media.isQuarantined) return false
    const now = clock.now()
    await insertQuarantine(tx, media.sha256, by, now)
    await insertChange(tx, ref, { isQuarantined: true, by, now })
    await jobs.enqueue(tx, resettleJob, { sha256: media.sha256 })
    return true
  }

  async function addAll(tx: Tx, refs: readonly MediaRef[], by: UserId): Promise<number> {
    let added = 0
    for (const ref of refs) if (await addOne(tx, ref, by)) added += 1
    return added
  }

  async function requireNid(tx: Tx, ref: MediaRef): Promise<number> {
    const media = await getModerated(tx, ref)
    if (!media) throw errors.notFound('There is no such media')
    return media.nid
  }

  return {
    add: async (refs, by) => {
      let added = 0
      for (let from = 0; from < refs.length; from += pageSize) {
        added += await db.write('quarantine', (tx) => addAll(tx, refs.slice(from, from + pageSize), by))
      }
      return added
    },
    addAllOf: async (uploader, by) => {
      let added = 0
      for (let after = 0, isMore = true; isMore; ) {
        const from = after
        const page = await db.write('quarantine uploads', async (tx) => {
          const found = await listUploads(tx, uploader, from, pageSize)
          // The rows are ours.
          const refs = found.map(({ origin, mediaId }) => ({ origin: origin as ServerName, mediaId }))
          return { found, count: await addAll(tx, refs, by) }
        })
        added += page.count
        after = page.found.at(-1)?.nid ?? after
        isMore = page.found.length === pageSize
      }
      return added
    },
    lift: async (ref, by) => {
      await db.write('lift quarantine', async (tx) => {
        const media = await getModerated(tx, ref)
        if (!media?.isQuarantined) return
        const now = clock.now()
        // Whoever could not download it meanwhile has the rest of the time now.
        await insertEndedHolds(tx, media.sha256, by, now)
        await deleteQuarantine(tx, media.sha256)
        await insertChange(tx, ref, { isQuarantined: false, by, now })
        await jobs.enqueue(tx, resettleJob, { sha256: media.sha256 })
      })
    },
    protect: (ref, by) =>
      db.write('protect media', async (tx) => insertProtection(tx, await requireNid(tx, ref), by, clock.now())),
    unprotect: (ref) => db.write('unprotect media', async (tx) => deleteProtections(tx, [await requireNid(tx, ref)])),
    changes: (after, limit) => db.read((reader) => listChanges(reader, after, limit)),
  }
}
