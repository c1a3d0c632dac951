import { parentPort, workerData } from 'node:worker_threads'
import SQLite from 'better-sqlite3'
import { z } from 'zod'

/** Copies pages from the write-ahead log into the database whenever it is asked to, beside the thread that serves. */
const { path } = z.object({ path: z.string() }).parse(workerData)
const database = new SQLite(path)
parentPort?.on('message', () => {
  try {
    database.pragma('wal_checkpoint(PASSIVE)')
  } catch {
    // On a full disk, for example. The log keeps what was not copied, and the next checkpoint tries again.
  }
  parentPort?.postMessage('done')
})
