import type { Database, Tx } from '../../db/database.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import { yieldNow } from '../../util/async.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Accesses } from '../accesses/accesses.ts'
import { sumMedia, sumThumbnails } from '../amounts/amounts.ts'
import type { Blobs } from '../blobs.ts'
import { countDeletions, deleteOldEntries } from '../deletions/store-deletions.ts'
import { removeMedia } from '../remove-media.ts'
import { isDue, type RetainedKind, type RetentionPolicy, type RetentionRule, retentionRules } from './policy.ts'
import { type Cursor, listAged, type RetainedThing } from './store-retention.ts'
import { deleteThumbnails } from './store-thumbnail-removal.ts'

export interface DueThing extends RetainedThing {
  readonly kind: RetainedKind
  readonly reason: string
}

export interface Retention {
  /** Deletes everything that is due. */
  sweep(signal: AbortSignal): Promise<void>
  /** Shows each thing that a sweep would delete now, once. */
  preview(show: (thing: DueThing) => void): Promise<void>
}

export interface RetentionDeps {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly jobs: Pick<Jobs, 'handle'>
  readonly blobs: Pick<Blobs, 'release'>
  readonly accesses: Pick<Accesses, 'flush'>
  readonly policy: RetentionPolicy
}

export const retentionJob = 'media.retention'
const pageSize = 100

export function createRetention({ db, clock, log, jobs, blobs, accesses, policy }: RetentionDeps): Retention {
  /** How much must go by a rule; Infinity where it has no limit of space. */
  async function excessOf({ kind, maxTotal }: RetentionRule, gone = 0): Promise<number> {
    if (maxTotal === undefined) return Number.POSITIVE_INFINITY
    const { bytes } = (kind === 'thumbnail' ? await sumThumbnails(db) : (await sumMedia(db)).get(kind)) ?? { bytes: 0 }
    return bytes - gone - maxTotal
  }

  async function remove(tx: Tx, { kind, reason }: RetentionRule, things: readonly RetainedThing[]): Promise<void> {
    const numbers = things.map(({ nid }) => nid)
    if (kind !== 'thumbnail') {
      await removeMedia(tx, blobs, things, { reason, now: clock.now(), isForgotten: kind === 'remote' })
    } else if (things.length > 0) {
      await deleteThumbnails(tx, numbers)
      await blobs.release(tx, numbers)
      const bytes = things.reduce((sum, { size }) => sum + size, 0)
      await countDeletions(tx, { kind, reason, files: things.length, bytes })
    }
  }

  async function apply(rule: RetentionRule, signal: AbortSignal): Promise<void> {
    let files = 0
    let excess = await excessOf(rule)
    for (let cursor: Cursor | undefined, isMore = excess > 0; isMore; ) {
      signal.throwIfAborted()
      const after = cursor
      const page = await db.write('media retention', async (tx) => {
        const found = await listAged(tx, rule, { after, limit: pageSize, now: clock.now() })
        const due = upTo(
          excess,
          found.filter((thing) => isDue(rule, thing)),
        )
        await remove(tx, rule, due)
        return { found, due }
      })
      for (const { size } of page.due) excess -= size
      files += page.due.length
      cursor = cursorOf(rule, page.found)
      isMore = page.found.length === pageSize && excess > 0
      await yieldNow()
    }
    if (files > 0) log.info({ kind: rule.kind, reason: rule.reason, files }, 'media deleted')
  }

  async function forgetEntries(signal: AbortSignal): Promise<void> {
    const before = clock.now() - policy.deletionLog
    if (!Number.isFinite(before)) return
    do signal.throwIfAborted()
    while ((await db.write('deletion log', (tx) => deleteOldEntries(tx, before, pageSize))) === pageSize)
  }

  async function sweep(signal: AbortSignal): Promise<void> {
    await accesses.flush()
    for (const rule of retentionRules(policy, clock.now())) await apply(rule, signal)
    await forgetEntries(signal)
  }

  async function preview(show: (thing: DueThing) => void): Promise<void> {
    await accesses.flush()
    const gone = new Map<RetainedKind, number>()
    const earlier: RetentionRule[] = []
    for (const rule of retentionRules(policy, clock.now())) {
      let excess = await excessOf(rule, gone.get(rule.kind))
      for (let cursor: Cursor | undefined, isMore = excess > 0; isMore; ) {
        const after = cursor
        const found = await db.read((reader) => listAged(reader, rule, { after, limit: pageSize, now: clock.now() }))
        const isNew = (thing: RetainedThing) =>
          !earlier.some((other) => other.kind === rule.kind && isDue(other, thing))
        const due = found.filter((thing) => isDue(rule, thing) && isNew(thing))
        for (const thing of upTo(excess, due)) {
          show({ ...thing, kind: rule.kind, reason: rule.reason })
          excess -= thing.size
          gone.set(rule.kind, (gone.get(rule.kind) ?? 0) + thing.size)
        }
        cursor = cursorOf(rule, found)
        isMore = found.length === pageSize && excess > 0
        await yieldNow()
      }
      if (rule.maxTotal === undefined) earlier.push(rule)
    }
  }

  jobs.handle(retentionJob, (_payload, signal) => sweep(signal))
  return { sweep, preview }
}

/** The first things until `bytes` are reached. */
function upTo(bytes: number, things: readonly RetainedThing[]): RetainedThing[] {
  let sum = 0
  return things.filter(({ size }) => {
    if (sum >= bytes) return false
    sum += size
    return true
  })
}

function cursorOf({ column }: RetentionRule, page: readonly RetainedThing[]): Cursor | undefined {
  const last = page.at(-1)
  return last && { nid: last.nid, ts: column === 'created_ts' ? last.createdTs : last.usedTs }
}
