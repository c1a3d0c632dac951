import { Worker } from 'node:worker_threads'
import type SQLite from 'better-sqlite3'
import type { Log } from '../util/log.ts'

/** Estimated pages in the log (4 KiB each) at which they are copied into the database. */
const dueAt = 4_000
const pagesOfCommit = 8
const pagesOfChange = 2
/** SQLite's own checkpoint, in the thread that commits: it only runs where the worker cannot keep up. */
const backstop = 16_000
const backstopAlone = 1_000

export interface Checkpoints {
  /** To be told of every commit, and how many rows it changed. */
  committed(changes: number): void
  close(): Promise<void>
}

/**
 * Keeps the write-ahead log short without stopping the thread that serves: a checkpoint syncs the database file, which
 * takes tens of milliseconds. A worker copies most pages; the few that were written meanwhile are copied here, because
 * the log starts again at its beginning only when nothing in it is left to copy.
 */
export function startCheckpoints(path: string, writer: SQLite.Database, log: Log): Checkpoints {
  let pages = 0
  let state: 'idle' | 'copying' | 'copied' | 'alone' = 'idle'
  writer.pragma(`wal_autocheckpoint = ${backstop}`)
  /** Started when it is first needed: a server that hardly writes goes without its memory. */
  let worker: Worker | undefined
  let ended: Promise<unknown> | undefined

  function finish(): void {
    if (state !== 'copied' || writer.inTransaction) return
    pages = 0
    state = 'idle'
    try {
      writer.pragma('wal_checkpoint(PASSIVE)')
    } catch (error) {
      log.warn({ err: error }, 'could not shorten the write-ahead log')
      // What is committed is safe in the log, and a later checkpoint copies it: a full disk fails writes by itself.
    }
  }

  function startWorker(): Worker {
    const started = new Worker(new URL('./sqlite-checkpoint-worker.ts', import.meta.url), { workerData: path })
    started.unref()
    ended = new Promise((resolve) => started.once('exit', resolve))
    started.on('message', ({ error }: { error?: unknown }) => {
      if (error !== undefined) log.warn({ err: error }, 'could not copy the write-ahead log into the database')
      if (state === 'copying') state = 'copied'
      finish()
    })
    started.on('error', (error) => {
      log.error({ err: error }, 'the thread that copies the write-ahead log has ended')
      // Slower, and as safe.
      state = 'alone'
      if (writer.open) writer.pragma(`wal_autocheckpoint = ${backstopAlone}`)
    })
    return started
  }

  return {
    committed: (changes) => {
      pages += pagesOfCommit + changes * pagesOfChange
      finish()
      if (state !== 'idle' || pages < dueAt) return
      state = 'copying'
      worker ??= startWorker()
      worker.postMessage('checkpoint')
    },
    close: async () => {
      state = 'alone'
      // A thread that is stopped from outside while it loads the database library takes the whole process with it.
      worker?.ref()
      worker?.postMessage('close')
      await ended
    },
  }
}
