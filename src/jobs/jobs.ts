import { type ScheduledTask, schedule as scheduleCron } from 'node-cron'
import type { Database, Tx } from '../db/database.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { TimerClock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import type { Part } from '../util/part.ts'
import {
  deleteJob,
  deleteJobByKey,
  deleteJobsOfKinds,
  getNextJob,
  insertJob,
  type JobRow,
  postponeJob,
} from './store.ts'

/** Runs once or, after a failure, again: it must bear being repeated. */
export type JobHandler = (payload: JsonObject, signal: AbortSignal) => Promise<void>

export interface EnqueueOptions {
  /** Not before this time, in ms since 1970; default at once. */
  readonly runAt?: number
  /** At most one job of a kind waits under a key. */
  readonly key?: string
}

/** Work that outlives the request that caused it, kept in the database until it is done. */
export interface Jobs {
  /**
   * Queues a job in the transaction of its cause, so that neither happens without the other. False where one waits under
   * the key already.
   */
  enqueue(tx: Tx, kind: string, payload: JsonObject, options?: EnqueueOptions): Promise<boolean>
  /** Takes back the job that waits under a key. One that is being done is done, but not tried again. */
  cancel(tx: Tx, kind: string, key: string): Promise<void>
  /** Takes back all jobs whose kind begins with `prefix`, except those of some kinds. */
  discard(tx: Tx, prefix: string, except: readonly string[]): Promise<void>
  /** Jobs of a kind are done one after the other, or `atOnce` at a time. */
  handle(kind: string, handler: JobHandler, options?: { readonly atOnce?: number }): void
  /** Queues a job of this kind whenever the cron expression says so (local time). */
  schedule(expression: string, kind: string): void
  /** Runs everything that is due. */
  drain(): Promise<void>
  readonly part: Part
}

const firstDelay = 2_000
const longestDelay = 3_600_000

export const backOff = (attempts: number) => Math.min(firstDelay * 2 ** attempts, longestDelay)

export function createJobs({ db, clock, log }: { db: Database; clock: TimerClock; log: Log }): Jobs {
  const handlers = new Map<string, { readonly handler: JobHandler; readonly atOnce: number }>()
  const schedules: { expression: string; kind: string }[] = []
  const stopping = new AbortController()
  /** What is being done: few jobs of a kind at a time, so that a kind that takes long holds up no other. */
  const busy = new Map<number, { readonly kind: string; readonly done: Promise<void> }>()
  let nudge = Promise.withResolvers<void>()
  let tasks: ScheduledTask[] = []
  let working: Promise<void> | undefined
  let failure: unknown
  let cancelTimer: (() => void) | undefined
  let isRunning = false

  async function run(job: JobRow): Promise<void> {
    const handling = handlers.get(job.kind)
    try {
      if (handling === undefined) throw new Error(`nothing here handles ${job.kind}`)
      await handling.handler(JSON.parse(job.payload) as JsonObject, stopping.signal)
      await db.write('job done', (tx) => deleteJob(tx, job.job_id))
    } catch (error) {
      if (stopping.signal.aborted) return
      const delay = backOff(job.attempts)
      log.warn({ err: error, job: job.kind, attempts: job.attempts + 1, retryInMs: delay }, 'a job failed')
      await db.write('job failed', (tx) => postponeJob(tx, job.job_id, clock.now() + delay, String(error)))
    }
  }

  function begin(job: JobRow): void {
    const done = run(job)
      .catch((error: unknown) => {
        failure ??= error
      })
      .finally(() => busy.delete(job.job_id))
    busy.set(job.job_id, { kind: job.kind, done })
  }

  /** The kinds of which no further job may begin now. */
  function fullKinds(): string[] {
    const counts = new Map<string, number>()
    for (const { kind } of busy.values()) counts.set(kind, (counts.get(kind) ?? 0) + 1)
    return [...counts].flatMap(([kind, count]) => (count < (handlers.get(kind)?.atOnce ?? 1) ? [] : kind))
  }

  /** Ends when nothing is due and nothing under way; what becomes due later has its timer then. */
  async function work(): Promise<void> {
    let isNudged = false
    const watch = () => {
      isNudged = false
      nudge = Promise.withResolvers()
      void nudge.promise.then(() => {
        isNudged = true
      })
    }
    while (!stopping.signal.aborted && failure === undefined) {
      watch()
      const except = { kinds: fullKinds(), jobIds: [...busy.keys()] }
      const job = await db.read((reader) => getNextJob(reader, except))
      if (job && job.run_at <= clock.now()) {
        begin(job)
        continue
      }
      setTimer(job?.run_at)
      // A kind that was left out may have more to do, now that its job is done.
      if (isNudged || busy.size < except.jobIds.length) continue
      if (busy.size === 0) return
      await Promise.race([nudge.promise, ...[...busy.values()].map(({ done }) => done)])
    }
    await Promise.all([...busy.values()].map(({ done }) => done))
    const thrown = failure
    failure = undefined
    if (thrown !== undefined) throw thrown
  }

  function setTimer(runAt: number | undefined): void {
    cancelTimer?.()
    cancelTimer = runAt !== undefined && isRunning ? clock.after(runAt - clock.now(), wake) : undefined
  }

  function drain(): Promise<void> {
    nudge.resolve()
    working ??= work().finally(() => {
      working = undefined
    })
    return working
  }

  /** Works now, and again when the next job is due. */
  function wake(): void {
    if (!isRunning || stopping.signal.aborted) return
    drain().catch((error: unknown) => {
      log.error({ err: error }, 'the job queue cannot be read')
      setTimer(clock.now() + firstDelay)
    })
  }

  async function enqueue(tx: Tx, kind: string, payload: JsonObject, options: EnqueueOptions = {}): Promise<boolean> {
    const { runAt = clock.now(), key = null } = options
    const isNew = await insertJob(tx, { kind, key, payload: JSON.stringify(payload), runAt })
    tx.afterCommit(wake)
    return isNew
  }

  return {
    enqueue,
    cancel: deleteJobByKey,
    discard: deleteJobsOfKinds,
    handle: (kind, handler, { atOnce = 1 } = {}) => void handlers.set(kind, { handler, atOnce }),
    schedule: (expression, kind) => void schedules.push({ expression, kind }),
    drain,
    part: {
      name: 'jobs',
      start: () => {
        isRunning = true
        tasks = schedules.map(({ expression, kind }) =>
          scheduleCron(expression, async () => {
            await db.write(`schedule ${kind}`, (tx) => enqueue(tx, kind, {}, { key: 'cron' }))
          }),
        )
        wake()
      },
      stop: async () => {
        isRunning = false
        stopping.abort()
        cancelTimer?.()
        for (const task of tasks) await task.destroy()
        await working
      },
    },
  }
}
