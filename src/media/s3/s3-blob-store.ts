import { createWriteStream } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { BlobStore } from '../blob-store.ts'
import type { Spool } from '../spool.ts'
import { claim, unclaim } from './claim.ts'
import { createS3, type S3 } from './client.ts'
import { openStream } from './download.ts'
import { isNoSuchKey, startError, storeError } from './errors.ts'
import { createLinks } from './links.ts'
import { listKeys, tidyUploads } from './listing.ts'
import type { S3Options } from './options.ts'
import { upload } from './upload.ts'

/** What is read at once; longer parts are streams. */
const pieceBytes = 128 * 1024

export interface S3BlobStoreDeps {
  readonly options: S3Options
  /** For copies that programs read. */
  readonly spool: Pick<Spool, 'withPath'>
  readonly clock: Clock
  readonly log: Log
}

/** Keeps each blob as an object in a bucket. */
export function createS3BlobStore({ options, spool, clock, log }: S3BlobStoreDeps): BlobStore {
  const connection = createS3(options)
  const { bucket: Bucket, prefix, storageClass } = options
  const targetOf = (key: string) => ({ Bucket, Key: prefix + key })
  // New classes need no new version of the library.
  const settings = storageClass === undefined ? {} : { StorageClass: storageClass as 'STANDARD' }

  const explain = (error: unknown) => storeError(error, options)

  async function run<T>(task: (s3: S3) => Promise<T>): Promise<T> {
    try {
      return await task(await connection.get())
    } catch (error) {
      throw explain(error)
    }
  }

  const sizeOf = (key: string) =>
    run(async ({ sdk, client }) => {
      try {
        return (await client.send(new sdk.HeadObjectCommand(targetOf(key)))).ContentLength
      } catch (error) {
        if (isNoSuchKey(error)) return undefined
        throw error
      }
    })

  return {
    claim: async (owner, { isNew }) => {
      try {
        return await claim(await connection.get(), options, owner, isNew)
      } catch (error) {
        throw startError(error, options)
      }
    },
    put: (key, file) => run((s3) => upload(s3, targetOf(key), file, settings, log)),
    open: (key, range) =>
      run(async (s3) => {
        const body = await openStream(s3, targetOf(key), range, explain)
        return body && (range.end - range.start < pieceBytes ? await buffer(body) : body)
      }),
    sizeOf,
    useFile: async (key, use) => {
      const size = await sizeOf(key)
      if (size === undefined) return undefined
      return spool.withPath(async (path) => {
        const whole = { start: 0, end: size - 1 }
        const body = size === 0 ? [] : await run((s3) => openStream(s3, targetOf(key), whole, explain))
        if (!body) return undefined
        await pipeline(body, createWriteStream(path, { flags: 'wx', mode: 0o600 }))
        return use(path)
      })
    },
    // S3 answers 204 whether or not there is such a key.
    delete: (key) =>
      run(async ({ sdk, client }) => void (await client.send(new sdk.DeleteObjectCommand(targetOf(key))))),
    list: () => listKeys(run, options),
    tidy: (before) => run((s3) => tidyUploads(s3, options, before)),
    abandon: () =>
      run(async (s3) => {
        await tidyUploads(s3, options, Number.POSITIVE_INFINITY)
        await unclaim(s3, options)
      }),
    link: createLinks(run, options, clock),
    close: connection.close,
  }
}
