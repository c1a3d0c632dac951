import { join } from 'node:path'
import type { Database } from '../db/database.ts'
import { getFact, setFact } from '../db/server-facts.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { StartupError } from '../util/part.ts'
import { randomToken } from '../util/random.ts'
import { type BlobStore, BlobStoreError } from './blob-store.ts'
import { createFileBlobStore } from './file-blob-store.ts'
import type { S3Options } from './s3/options.ts'
import { createS3BlobStore } from './s3/s3-blob-store.ts'
import type { Spool } from './spool.ts'
import { hasBlobs } from './store-blobs.ts'

/** A back-end that keeps the bytes of media. */
export type StorageKind = 'files' | 's3'

export interface StorageOptions {
  readonly kind: StorageKind
  /** Undefined: none is configured. */
  readonly s3: S3Options | undefined
}

export interface StorageDeps {
  /** The folder of all that belongs to media. */
  readonly folder: string
  readonly spool: Pick<Spool, 'withPath'>
  readonly clock: Clock
  readonly log: Log
}

/** Throws a `StartupError` where the configuration has no such back-end. */
export function createStore(kind: StorageKind, { s3 }: Pick<StorageOptions, 's3'>, deps: StorageDeps): BlobStore {
  if (kind === 'files') return createFileBlobStore(join(deps.folder, 'blobs'))
  if (!s3) throw new StartupError('media.storage.bucket is missing: there is no object storage.')
  return createS3BlobStore({ ...deps, options: s3 })
}

/** Where the bytes of this database are. */
const kindFact = 'media_storage'
/** What marks a bucket as that of this database. */
const ownerFact = 'media_owner'

/**
 * Which back-end has the bytes of this database, and the name that this database goes by there; undefined before there are
 * any bytes.
 */
export async function getPlace(db: Database): Promise<{ kind: StorageKind | undefined; owner: string }> {
  return db.write('media place', async (tx) => {
    const known = await getFact(tx, kindFact)
    let owner = await getFact(tx, ownerFact)
    if (owner === undefined) {
      owner = randomToken(12)
      await setFact(tx, ownerFact, owner)
    }
    if (known === 'files' || known === 's3') return { kind: known, owner }
    return { kind: (await hasBlobs(tx)) ? 'files' : undefined, owner }
  })
}

/** From now on the bytes of this database are there. */
export async function setPlace(db: Database, kind: StorageKind): Promise<void> {
  await db.write('media place', (tx) => setFact(tx, kindFact, kind))
}

/**
 * Makes sure at the start that the configured back-end is the one that has the bytes of this database. Throws a
 * `StartupError` where it is not, or cannot be used; one that has been used before and is out of reach is waited for.
 */
export async function settleStorage(db: Database, store: BlobStore, kind: StorageKind, log: Log): Promise<void> {
  const place = await getPlace(db)
  if (place.kind !== undefined && place.kind !== kind) {
    throw new StartupError(
      `The media of this database are in ${place.kind}, but media.storage.kind is "${kind}"; set it back, or stop the server and run "ringback media migrate --to ${kind}".`,
    )
  }
  try {
    if (!(await store.claim(place.owner, { isNew: place.kind === undefined }))) throw notTheirs(place.owner)
  } catch (error) {
    if (!(error instanceof BlobStoreError)) throw error
    if (place.kind === undefined) throw new StartupError(error.message, { cause: error })
    log.error({ err: error }, 'the storage of media cannot be reached: files fail until it can')
    return
  }
  if (place.kind === undefined) await setPlace(db, kind)
}

/** The configuration names a place that this database has never used. */
export function notTheirs(owner: string): StartupError {
  return new StartupError(
    `The bucket of media.storage has not the media of this database; correct bucket and prefix, or, where they lie there all the same, put the object ringback.json with {"database": "${owner}"} beside them.`,
  )
}
