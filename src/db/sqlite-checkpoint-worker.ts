import { parentPort, workerData } from 'node:worker_threads'
import SQLite from 'better-sqlite3'

/** Copies pages from the write-ahead log into the database whenever it is asked to, beside the thread that serves. */
const database = new SQLite(String(workerData))
parentPort?.on('message', (message: 'checkpoint' | 'close') => {
  if (message === 'close') {
    database.close()
    parentPort?.close()
    return
  }
  let error: unknown
  try {
    database.pragma('wal_checkpoint(PASSIVE)')
  } catch (caught) {
    // On a full disk, for example. The log keeps what was not copied, and the next checkpoint tries again.
    error = caught
  }
  parentPort?.postMessage({ error })
})
