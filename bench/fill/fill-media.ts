import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { deliveryPolicyOf } from '../../src/compose-media.ts'
import { loadConfig } from '../../src/config/load.ts'
import { digestOf } from '../../src/media/delivery/policy.ts'
import type { MediaFill, SweepWatch } from '../servers/server.ts'

const DAY = 24 * 60 * 60 * 1000
const JOB = 'bench'
/** Numbers of blobs start behind those of the server's own. */
const BLOBS = 1_000_000_000

/**
 * Writes rows of media into the database of a Ringback that is not running: notes that were sent today and are kept, and some
 * whose time is over. They have no bytes on the disk.
 */
export function fillMedia(folder: string, { count, due }: MediaFill): void {
  const { config } = loadConfig({ file: join(folder, 'config.yaml'), env: {} })
  const policy = digestOf(deliveryPolicyOf(config.media.delivery))
  const now = Date.now()
  inDatabase(folder, (database) => {
    const { first = 1 } = row(database, 'select coalesce(max(media_nid), 0) + 1 as first from media')
    const isDue = `i >= ${first + count - due}`
    const insert = (table: string, values: Record<string, string>) => {
      const all = { ...neutralValues(database, table), ...values }
      database.exec(
        `with recursive n(i) as (select ${first} union all select i + 1 from n where i < ${first + count - 1})
         insert into ${table} (${Object.keys(all)}) select ${Object.values(all)} from (select i, lower(hex(randomblob(32))) as h from n)`,
      )
    }
    const bytes = '100000'
    database.exec('begin')
    insert('media_blobs', {
      blob_nid: `${BLOBS} + i`,
      // In no order, as those of real files.
      sha256: 'h',
      storage_key: "h || '-bench'",
      size: bytes,
      state: "'stored'",
      created_ts: `${now}`,
    })
    insert('media', {
      media_nid: 'i',
      origin: "'localhost'",
      media_id: "'bench' || i",
      uploader: "'@bench:localhost'",
      state: "'live'",
      content_type: "'audio/ogg'",
      blob_nid: `${BLOBS} + i`,
      size: bytes,
      created_ts: `${now}`,
    })
    insert('media_deliveries', {
      media_nid: 'i',
      linked_ts: `${now}`,
      due_ts: `iif(${isDue}, ${now - DAY}, ${now + 30 * DAY})`,
      due_reason: `iif(${isDue}, 'delivered', 'expired')`,
      policy: `'${policy}'`,
    })
    database.exec('commit')
  })
}

/** Has the next start of the server sweep after `delayMs`, and tells what is left to be done. */
export function scheduleSweep(folder: string, delayMs: number): SweepWatch {
  const at = Date.now() + delayMs
  inDatabase(folder, (database) => {
    database.exec(
      `insert into jobs (kind, job_key, payload, run_at, attempts) values ('media.sweep', '${JOB}', '{}', ${at}, 0)`,
    )
  })
  return {
    startsIn: () => Math.max(0, at - Date.now()),
    isDone: () =>
      inDatabase(folder, (database) => {
        const { left } = row(
          database,
          "select count(*) as left from jobs where kind like 'media.%' and job_key is not 'timer'",
        )
        return left === 0
      }),
  }
}

/** Something for every column that wants a value. */
function neutralValues(database: DatabaseSync, table: string): Record<string, string> {
  const columns = database.prepare(`pragma table_info(${table})`).all()
  const needed = columns.filter((column) => column.notnull === 1 && column.dflt_value === null && column.pk === 0)
  return Object.fromEntries(needed.map(({ name }) => [String(name), '0']))
}

function row(database: DatabaseSync, sql: string): Record<string, number> {
  const found = database.prepare(sql).get()
  if (!found) throw new Error(`no answer to ${sql}`)
  return Object.fromEntries(Object.entries(found).map(([key, value]) => [key, Number(value)]))
}

function inDatabase<T>(folder: string, task: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(join(folder, 'data', 'ringback.db'), { timeout: 5000 })
  try {
    return task(database)
  } finally {
    database.close()
  }
}
