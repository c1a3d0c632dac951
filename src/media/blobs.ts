import type { Readable } from 'node:stream'
import type { Database, Reader, Tx } from '../db/database.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { mapLimit } from '../util/async.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { randomString } from '../util/random.ts'
import type { BlobStore, ByteRange, LinkOptions } from './blob-store.ts'
import { detectType } from './detect-type.ts'
import type { SpooledFile } from './spool.ts'
import {
  type Blob,
  deleteBlobs,
  doomUnfinishedBlobs,
  doomUnusedBlobs,
  getBlobState,
  getStoredBlob,
  insertBlob,
  listDoomedBlobs,
  moveBlob,
  takeDerived,
} from './store-blobs.ts'

/**
 * Contents, each stored once. The database knows of bytes before they are written and after they are deleted, so that a
 * crash in between leaves nothing behind that nobody knows of.
 */
export interface Blobs {
  /**
   * Makes a file durable, and runs `attach` in the transaction from which on it is kept: `attach` writes the row that
   * points to it. Where `attach` throws, nothing remains.
   */
  keep<T>(file: SpooledFile, attach: (tx: Tx, blob: Blob) => Promise<T>): Promise<T>
  /** Opens a part of the bytes; undefined where they have been deleted meanwhile. */
  open(blob: Pick<Blob, 'key'>, range: ByteRange): Promise<Readable | Uint8Array | undefined>
  /** Lends the bytes as a local file; undefined where they have been deleted meanwhile. */
  useFile<T>(blob: Pick<Blob, 'key'>, use: (path: string) => Promise<T>): Promise<T | undefined>
  /** An address at which the storage itself gives them to others for a while; undefined where it gives none. */
  readonly link: ((blob: Pick<Blob, 'key'>, options: LinkOptions) => Promise<string>) | undefined
  /** Whether bytes are there to stay, so that something may be derived from them. */
  isStored(reader: Reader, nid: number): Promise<boolean>
  /** Call it when a row that pointed to these blobs is gone: what nothing points to any more is deleted after the commit. */
  release(tx: Tx, numbers: readonly number[]): Promise<void>
  /** Deletes bytes that are due, also those of writes that a crash interrupted before `before`. */
  sweep(signal: AbortSignal, before: number): Promise<void>
  /** Has a job do what a crash has interrupted; nothing may be under way. */
  recover(): Promise<void>
}

export interface BlobsDeps {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly jobs: Pick<Jobs, 'enqueue' | 'handle'>
  readonly store: BlobStore
}

const deleteJob = 'media.delete bytes'
const pageSize = 100
const deletionsAtATime = 8

export function createBlobs({ db, clock, log, jobs, store }: BlobsDeps): Blobs {
  const { link } = store

  /** Bytes first, then the row: a crash in between does it again. */
  async function deleteDoomed(signal: AbortSignal, numbers?: readonly number[]): Promise<void> {
    for (;;) {
      signal.throwIfAborted()
      const page = await db.read((reader) => listDoomedBlobs(reader, { limit: pageSize, numbers }))
      if (page.length === 0) return
      await mapLimit(page, deletionsAtATime, ({ key }) => store.delete(key))
      const done = page.map(({ nid }) => nid)
      await db.write('media: bytes deleted', (tx) => deleteBlobs(tx, done))
    }
  }

  jobs.handle(deleteJob, ({ blobs }, signal) =>
    deleteDoomed(signal, Array.isArray(blobs) ? blobs.map(Number) : undefined),
  )

  /** The write has failed. Where it has reached the database after all, the bytes stay. */
  async function giveUp(blob: Blob): Promise<void> {
    const isStored = await db.write('media: give up', async (tx) => {
      await moveBlob(tx, blob.nid, 'storing', 'doomed')
      return (await getBlobState(tx, blob.nid)) === 'stored'
    })
    if (isStored) return
    await store.delete(blob.key)
    await db.write('media: given up', (tx) => deleteBlobs(tx, [blob.nid]))
  }

  return {
    open: (blob, range) => store.open(blob.key, range),
    useFile: (blob, use) => store.useFile(blob.key, use),
    link: link && ((blob, options) => link(blob.key, options)),
    isStored: async (reader, nid) => (await getBlobState(reader, nid)) === 'stored',
    keep: async (file, attach) => {
      const { sha256, size, head } = file
      const detectedType = (await detectType(head)) ?? null
      const content = { sha256, size, detectedType, key: `${sha256}-${randomString(8)}` }
      const first = await db.write('media: look for content', async (tx) => {
        const known = await getStoredBlob(tx, sha256)
        if (known) return { value: await attach(tx, known) }
        return { blob: { ...content, nid: await insertBlob(tx, { ...content, createdTs: clock.now() }) } }
      })
      if (!first.blob) return first.value
      const { blob } = first
      try {
        await store.put(blob.key, file)
        return await db.write('media: keep content', async (tx) => {
          const known = await getStoredBlob(tx, sha256)
          if (!(await moveBlob(tx, blob.nid, 'storing', known ? 'doomed' : 'stored'))) throw new Error('swept too soon')
          if (known) await jobs.enqueue(tx, deleteJob, { blobs: [blob.nid] })
          return attach(tx, known ?? blob)
        })
      } catch (error) {
        // The sweep does it where the database is not to be had now.
        await giveUp(blob).catch((err: unknown) => log.warn({ err }, 'bytes of a failed upload are left to the sweep'))
        throw error
      }
    },
    release: async (tx, numbers) => {
      const doomed: number[] = []
      for (let released = numbers; released.length > 0; ) {
        const unused = await doomUnusedBlobs(tx, released)
        doomed.push(...unused)
        released = await takeDerived(tx, unused)
      }
      if (doomed.length > 0) await jobs.enqueue(tx, deleteJob, { blobs: doomed })
    },
    recover: () =>
      db.write('media: recover', async (tx) => {
        await doomUnfinishedBlobs(tx, clock.now())
        await jobs.enqueue(tx, deleteJob, {}, { key: 'all' })
      }),
    sweep: async (signal, before) => {
      await db.write('media: unfinished bytes', (tx) => doomUnfinishedBlobs(tx, before))
      await deleteDoomed(signal)
    },
  }
}
