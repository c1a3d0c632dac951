import { yieldNow } from '../util/async.ts'
import { createGathering } from '../util/gather.ts'
import { guardNesting, type Reader, refuseNesting, type Tx } from './database.ts'

/** The connection that writes: both engines give the same one-after-another semantics. */
export interface WriterConnection extends Reader {
  /** Statements without parameters or results: begin, savepoint, commit. */
  control(sql: string): Promise<void>
  /** False when the engine gave the whole transaction up by itself, as SQLite does on a full disk. */
  inTransaction(): boolean
}

interface Job {
  readonly label: string
  readonly run: (tx: Tx) => Promise<unknown>
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  readonly afterCommit: (() => void)[]
}

type Outcome = { job: Job; value: unknown }

const maxGroup = 256
/** SQLite never yields to the event loop: a group that has taken this long, in ms, is committed and the rest waits. */
const maxGroupTime = 20

/**
 * Group commit: whatever waits runs in one transaction, each closure in a savepoint of its own, with one sync to
 * disk for all of them. Nobody is answered before that sync.
 */
export class GroupWriter {
  readonly #acquire: () => Promise<WriterConnection>
  readonly #release: (connection: WriterConnection, error?: Error) => void
  readonly #queue: Job[] = []
  readonly #gathering = createGathering()
  #running: Promise<void> | undefined
  #closed = false

  constructor(
    acquire: () => Promise<WriterConnection>,
    release: (connection: WriterConnection, error?: Error) => void = () => {},
  ) {
    this.#acquire = acquire
    this.#release = release
  }

  write<T>(label: string, fn: (tx: Tx) => Promise<T>): Promise<T> {
    refuseNesting(`write "${label}"`)
    if (this.#closed) return Promise.reject(new Error('the database is closed'))
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ label, run: fn, resolve: (value) => resolve(value as T), reject, afterCommit: [] })
      this.#running ??= this.#drain()
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#running
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      // One turn of the event loop lets all requests that have arrived join this group.
      await yieldNow()
      await this.#gathering.gather(() => this.#queue.length)
      this.#gathering.taken(await this.#commitGroup())
    }
    this.#running = undefined
  }

  /** Resolves with how many jobs the group held. */
  async #commitGroup(): Promise<number> {
    let connection: WriterConnection
    try {
      connection = await this.#acquire()
    } catch (error) {
      for (const job of this.#queue.splice(0)) job.reject(error)
      return 0
    }
    const group: Job[] = []
    try {
      const done = await this.#runGroup(connection, group)
      this.#release(connection)
      for (const { job, value } of done) {
        for (const callback of job.afterCommit) callback()
        job.resolve(value)
      }
    } catch (error) {
      await connection.control('rollback').catch(() => {
        // The engine has rolled back by itself or the connection is gone: either way nothing was kept.
      })
      this.#release(connection, error instanceof Error ? error : new Error(String(error)))
      // Without a transaction none of them has run, and waiting jobs would meet the same error for ever.
      for (const job of group.length > 0 ? group : this.#queue.splice(0)) job.reject(error)
    }
    return group.length
  }

  /** Moves jobs from the queue to `group` as it runs them. */
  async #runGroup(connection: WriterConnection, group: Job[]): Promise<Outcome[]> {
    const done: Outcome[] = []
    const until = performance.now() + maxGroupTime
    await connection.control(connection.engine === 'sqlite' ? 'begin immediate' : 'begin')
    while (group.length < maxGroup && (group.length === 0 || performance.now() < until)) {
      const job = this.#queue.shift()
      if (job === undefined) break
      group.push(job)
      await this.#runJob(connection, job, done)
    }
    await connection.control('commit')
    return done
  }

  async #runJob(connection: WriterConnection, job: Job, done: Outcome[]): Promise<void> {
    await connection.control('savepoint job')
    try {
      const tx: Tx = {
        engine: connection.engine,
        qb: connection.qb,
        execute: connection.execute,
        writable: true,
        afterCommit: (callback) => job.afterCommit.push(callback),
      }
      const value = await guardNesting(`write "${job.label}"`, () => job.run(tx))
      await connection.control('release savepoint job')
      done.push({ job, value })
    } catch (error) {
      if (!connection.inTransaction()) throw error
      await connection.control('rollback to savepoint job')
      await connection.control('release savepoint job')
      job.reject(error)
    }
  }
}
