import type { Database, Tx } from '../../db/database.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Blobs } from '../blobs.ts'
import { type RemovedMedia, removeMedia } from '../remove-media.ts'
import { deleteHolds, type HoldKind, insertHold } from '../store-holds.ts'
import { sweepJob } from './ledger.ts'
import { type DeliveryPolicy, type DueRule, dueRules } from './policy.ts'
import { listDeletable, listDue } from './store-due.ts'
import { listThumbnailsOf } from './store-links.ts'

export interface Deleter {
  /** Deletes everything that is due. */
  sweep(signal: AbortSignal): Promise<void>
  /** What a sweep would delete now, the first `limit` of each reason. */
  preview(limit: number): Promise<{ mediaNid: number; reason: string }[]>
  /** Keeps media whatever the rules say, until a time in ms or until `release`. */
  hold(tx: Tx, mediaNid: number, hold: { kind: HoldKind; note?: string; expiresTs?: number }): Promise<void>
  release(tx: Tx, mediaNid: number, kind: HoldKind): Promise<void>
}

export interface DeleterDeps {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly jobs: Pick<Jobs, 'handle'>
  readonly blobs: Pick<Blobs, 'release'>
  readonly policy: DeliveryPolicy
}

const pageSize = 100

export function createDeleter({ db, clock, log, jobs, blobs, policy }: DeleterDeps): Deleter {
  /** One page of what is due by a rule; returns how many there were. */
  async function deletePage(rule: DueRule): Promise<number> {
    const now = clock.now()
    const removed = await db.write('delete delivered media', async (tx) => {
      const due = await listDue(tx, rule, { now, limit: pageSize })
      await removeMedia(tx, blobs, await withThumbnails(tx, due, now), { reason: rule.reason, now })
      return due
    })
    for (const { nid } of removed) log.info({ media: nid, reason: rule.reason }, 'media deleted')
    return removed.length
  }

  async function sweep(signal: AbortSignal): Promise<void> {
    for (const rule of dueRules(policy, clock.now())) {
      do signal.throwIfAborted()
      while ((await deletePage(rule)) === pageSize)
    }
  }

  jobs.handle(sweepJob, (_payload, signal) => sweep(signal))
  return {
    sweep,
    preview: async (limit) => {
      const now = clock.now()
      return db.read(async (reader) => {
        const found: { mediaNid: number; reason: string }[] = []
        for (const rule of dueRules(policy, now)) {
          const due = await listDue(reader, rule, { now, limit })
          found.push(...due.map(({ nid }) => ({ mediaNid: nid, reason: rule.reason })))
        }
        return found
      })
    },
    hold: (tx, mediaNid, hold) => insertHold(tx, { mediaNid, createdTs: clock.now(), ...hold }),
    release: deleteHolds,
  }
}

/** Media together with the thumbnails that stand for it and for nothing else. */
async function withThumbnails(tx: Tx, media: readonly RemovedMedia[], now: number): Promise<RemovedMedia[]> {
  const thumbnails: number[] = []
  for (const { nid } of media) thumbnails.push(...(await listThumbnailsOf(tx, nid)))
  const known = new Set(media.map(({ nid }) => nid))
  const more = await listDeletable(
    tx,
    [...new Set(thumbnails)].filter((nid) => !known.has(nid)),
    now,
  )
  return [...media, ...more]
}
