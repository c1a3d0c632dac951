import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { Database } from '../db/database.ts'
import { mapLimit } from '../util/async.ts'
import type { BlobStore } from './blob-store.ts'
import type { Spool } from './spool.ts'
import { getPlace, notTheirs, type StorageKind, setPlace } from './storage.ts'
import { type Blob, countStoredBlobs, getBlobState, listKnownKeys, listStoredBlobs } from './store-blobs.ts'

export interface MigrationDeps {
  readonly db: Database
  readonly from: BlobStore
  readonly to: BlobStore
  readonly target: StorageKind
  readonly spool: Pick<Spool, 'write'>
  /** Called after each page. */
  readonly progress: (done: Progress) => void
  /** One sentence about a file that cannot be moved. */
  readonly complain: (text: string) => void
}

export interface Progress {
  readonly checked: number
  readonly total: number
  readonly copied: number
  readonly copiedBytes: number
}

export interface MigrationOptions {
  /** Only count. */
  readonly dryRun: boolean
  /** Leave files behind that are missing or damaged. */
  readonly skipDamaged: boolean
  /** Nobody else uses the database, so that the change may be made. */
  readonly isAlone: boolean
}

/** How a migration ended. `damaged`: files stand in the way; `busy`: all is copied, and the server must be stopped for the rest. */
export type MigrationOutcome = Progress & {
  readonly damaged: number
  readonly end: 'done' | 'counted' | 'damaged' | 'busy'
}

const pageSize = 200
const filesAtATime = 8

/**
 * Moves all bytes from one back-end to another in three steps: everything is copied and compared, then the database says
 * where it is, then it is deleted where it was. Whenever it breaks off, the server works with the one or with the other, and
 * the next run goes on. The first and the third may be done beside a server.
 */
export async function migrateBlobs(deps: MigrationDeps, options: MigrationOptions): Promise<MigrationOutcome> {
  const { db, from, to, target } = deps
  const place = await getPlace(db)
  const nothing = { checked: 0, total: 0, copied: 0, copiedBytes: 0, damaged: 0 }
  if (place.kind === target) {
    if (!options.dryRun) await clear(deps, place.owner)
    return { ...nothing, end: options.dryRun ? 'counted' : 'done' }
  }
  if (!options.dryRun) {
    if (!(await from.claim(place.owner, { isNew: place.kind === undefined }))) throw notTheirs(place.owner)
    await to.claim(place.owner, { isNew: true })
  }
  const copied = await copyAll(deps, options.dryRun)
  if (options.dryRun) return { ...copied, end: 'counted' }
  if (copied.damaged > 0 && !options.skipDamaged) return { ...copied, end: 'damaged' }
  if (!options.isAlone) return { ...copied, end: 'busy' }
  await setPlace(db, target)
  await clear(deps, place.owner)
  return { ...copied, end: 'done' }
}

async function copyAll(deps: MigrationDeps, dryRun: boolean): Promise<Progress & { damaged: number }> {
  const { db, progress } = deps
  const total = await db.read(countStoredBlobs)
  const sum = { checked: 0, copied: 0, copiedBytes: 0, damaged: 0 }
  for (let after = 0; ; ) {
    const from = after
    const page = await db.read((reader) => listStoredBlobs(reader, { after: from, limit: pageSize }))
    after = page.at(-1)?.nid ?? 0
    if (after === 0) return { ...sum, total }
    await mapLimit(page, filesAtATime, async (blob) => {
      const result = await copy(deps, blob, dryRun)
      sum.checked++
      if (result === 'damaged') sum.damaged++
      if (result !== 'copied') return
      sum.copied++
      sum.copiedBytes += blob.size
    })
    progress({ ...sum, total })
  }
}

async function copy(deps: MigrationDeps, blob: Blob, dryRun: boolean): Promise<'copied' | 'there' | 'damaged'> {
  const { db, from, to, spool, complain } = deps
  const { key, size, sha256 } = blob
  if ((await to.sizeOf(key)) === size) return 'there'
  if (dryRun) return 'copied'
  const source = await openWhole(from, blob)
  if (!source) {
    // A server that runs may have deleted it meanwhile.
    if ((await db.read((reader) => getBlobState(reader, blob.nid))) !== 'stored') return 'there'
    complain(`The file ${key} is missing.`)
    return 'damaged'
  }
  await using file = await spool.write(source)
  if (file.sha256 !== sha256 || file.size !== size) {
    complain(`The file ${key} is damaged: it has ${file.size} bytes instead of ${size}, or others.`)
    return 'damaged'
  }
  await to.put(key, file)
  if ((await hashOf(to, blob)) === sha256) return 'copied'
  await to.delete(key)
  throw new Error(`the copy of ${key} differs from the file`)
}

async function openWhole(
  store: BlobStore,
  { key, size }: Blob,
): Promise<AsyncIterable<Uint8Array> | Iterable<Uint8Array> | undefined> {
  if (size === 0) return (await store.sizeOf(key)) === undefined ? undefined : []
  const found: Readable | Uint8Array | undefined = await store.open(key, { start: 0, end: size - 1 })
  return found instanceof Uint8Array ? [found] : found
}

async function hashOf(store: BlobStore, blob: Blob): Promise<string | undefined> {
  const source = await openWhole(store, blob)
  if (!source) return undefined
  const hash = createHash('sha256')
  for await (const chunk of source) hash.update(chunk)
  return hash.digest('hex')
}

/** Deletes what was moved; what is not there in the new place stays. */
async function clear({ db, from, to, complain }: MigrationDeps, owner: string): Promise<void> {
  // It was given up before, or never used.
  if (!(await from.claim(owner, { isNew: false }))) return
  let kept = 0
  for await (const listed of from.list()) {
    for (let at = 0; at < listed.length; at += pageSize) {
      const page = listed.slice(at, at + pageSize)
      const known = await db.read((reader) => listKnownKeys(reader, page))
      await mapLimit(page, filesAtATime, async (key) => {
        if (known.get(key) === 'stored' && (await to.sizeOf(key)) === undefined) kept++
        else await from.delete(key)
      })
    }
  }
  if (kept > 0) complain(`Files that could not be moved and are where they were: ${kept}.`)
  else await from.abandon()
}
