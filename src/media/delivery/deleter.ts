import type { Database, Tx } from '../../db/database.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Blobs } from '../blobs.ts'
import { type RemovedMedia, removeMedia } from '../remove-media.ts'
import { type DeliveryPolicy, digestOf } from './policy.ts'
import { type Settle, sweepJob } from './settle.ts'
import { listOutdated } from './store-deliveries.ts'
import { type DueMedia, listDeletable, listDue } from './store-due.ts'
import { listThumbnailsOf } from './store-links.ts'
import { hasRedactions, type MediaRedaction, takeRedactions } from './store-redactions.ts'

/** Has servers told whose copies are of media that is gone. */
export const tellJob = 'media.tell servers'

export interface Deleter {
  /** Deletes everything that is due. */
  sweep(signal: AbortSignal): Promise<void>
  /** What a sweep would delete now, the first `limit`. */
  preview(limit: number): Promise<{ mediaNid: number; reason: string }[]>
  /** Takes some of what servers with copies have not been told; whoever takes it tells them. */
  takeRedactions(tx: Tx, limit: number): Promise<MediaRedaction[]>
}

export interface DeleterDeps {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly jobs: Pick<Jobs, 'enqueue' | 'handle'>
  readonly blobs: Pick<Blobs, 'release'>
  readonly policy: DeliveryPolicy
  readonly settle: Settle
  /** Called with the numbers of what has been deleted, in the transaction of that. */
  readonly deleted: (tx: Tx, numbers: readonly number[]) => Promise<void>
}

/** Few: nothing else is answered while a page is written. */
const pageSize = 30

export function createDeleter({ db, clock, log, jobs, blobs, policy, settle, deleted }: DeleterDeps): Deleter {
  const digest = digestOf(policy)

  /** A server may be away without whose files nothing is late. */
  async function stillDue(tx: Tx, due: readonly DueMedia[], now: number): Promise<DueMedia[]> {
    const late = due.filter(({ reason }) => reason === 'expired_undelivered').map(({ nid }) => nid)
    for (const nid of late) await settle(tx, nid)
    const left = new Set((await listDue(tx, { now, limit: pageSize, of: late })).map(({ nid }) => nid))
    return due.filter(({ nid, reason }) => reason !== 'expired_undelivered' || left.has(nid))
  }

  /** One page of what is due; returns how many there were. */
  async function deletePage(): Promise<number> {
    const now = clock.now()
    const { seen, removed } = await db.write('delete delivered media', async (tx) => {
      const due = await listDue(tx, { now, limit: pageSize })
      const removed = await stillDue(tx, due, now)
      for (const reason of new Set(removed.map((media) => media.reason))) {
        const same = removed.filter((media) => media.reason === reason)
        await removeMedia(tx, blobs, await withThumbnails(tx, same, now), { reason, now })
      }
      await deleted(
        tx,
        removed.map(({ nid }) => nid),
      )
      return { seen: due.length, removed }
    })
    for (const { nid, reason } of removed) log.info({ media: nid, reason }, 'media deleted')
    return seen
  }

  /** The configuration has changed since. */
  async function settleOutdated(signal: AbortSignal): Promise<void> {
    for (let count = pageSize; count === pageSize; ) {
      signal.throwIfAborted()
      count = await db.write('media: new policy', async (tx) => {
        const outdated = await listOutdated(tx, digest, pageSize)
        for (const nid of outdated) await settle(tx, nid)
        return outdated.length
      })
    }
  }

  async function sweep(signal: AbortSignal): Promise<void> {
    await settleOutdated(signal)
    do signal.throwIfAborted()
    while ((await deletePage()) === pageSize)
    await db.write('media: tell', async (tx) => {
      if (await hasRedactions(tx, clock.now())) await jobs.enqueue(tx, tellJob, {})
    })
  }

  jobs.handle(sweepJob, (_payload, signal) => sweep(signal))
  return {
    sweep,
    takeRedactions: (tx, limit) => takeRedactions(tx, limit, clock.now()),
    preview: async (limit) => {
      const due = await db.read((reader) => listDue(reader, { now: clock.now(), limit }))
      return due.map(({ nid, reason }) => ({ mediaNid: nid, reason }))
    },
  }
}

/** Media together with the thumbnails that stand for it and for nothing else. */
async function withThumbnails(tx: Tx, media: readonly RemovedMedia[], now: number): Promise<RemovedMedia[]> {
  const known = new Set(media.map(({ nid }) => nid))
  const thumbnails = await listThumbnailsOf(tx, [...known])
  const more = await listDeletable(
    tx,
    thumbnails.filter((nid) => !known.has(nid)),
    now,
  )
  return [...media, ...more]
}
