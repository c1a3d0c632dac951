import { parentPort, workerData } from 'node:worker_threads'
import SQLite from 'better-sqlite3'

const mostPasses = 5
/** So few pages are left to the thread that serves. */
const fewPages = 150

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
    copy()
  } catch (caught) {
    // On a full disk, for example. The log keeps what was not copied, and the next checkpoint tries again.
    error = caught
  }
  parentPort?.postMessage({ error })
})

/** What is written while a large log is copied is a large log again: it is copied once more while there is much of it. */
function copy(): void {
  let copied = 0
  for (let pass = 0; pass < mostPasses; pass++) {
    const before = copied
    const [result] = database.pragma('wal_checkpoint(PASSIVE)') as { checkpointed: number }[]
    copied = result?.checkpointed ?? 0
    if (copied - before < fewPages) return
  }
}
