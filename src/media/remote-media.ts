import type { Database } from '../db/database.ts'
import { errors } from '../matrix/errors.ts'
import { formatMxc, type MediaRef } from '../matrix/mxc.ts'
import type { Clock } from '../util/clock.ts'
import { createKeyedMutex } from '../util/keyed-mutex.ts'
import type { Blobs } from './blobs.ts'
import { readContentType } from './content-type.ts'
import { ephemeralLifetime } from './delivery/store-redactions.ts'
import type { Spool } from './spool.ts'
import { expireMedia, type FileInfo, getMedia, insertMedia } from './store-media.ts'

/** A file of another server, as it arrives. */
export interface RemoteFile extends FileInfo {
  readonly body: AsyncIterable<Uint8Array>
  /** Its server deletes it soon, and asks for the same. */
  readonly isEphemeral?: boolean
}

/**
 * Asks another server for its media. Undefined where it has none. Throws the errors of a download: `M_NOT_YET_UPLOADED`,
 * `M_CONNECTION_FAILED`, `M_TOO_LARGE` as 502.
 */
export type RemoteSource = (
  ref: MediaRef,
  options: { timeoutMs: number; maxBytes: number; signal: AbortSignal },
) => Promise<RemoteFile | undefined>

export interface RemoteMedia {
  /** Fetches media of another server and keeps it; false where there is none. */
  fetch(ref: MediaRef, options: { timeoutMs: number; signal: AbortSignal }): Promise<boolean>
  /** How media of other servers is had; without it there is none. */
  use(source: RemoteSource): void
}

export interface RemoteMediaDeps {
  readonly db: Database
  readonly clock: Clock
  readonly blobs: Blobs
  readonly spool: Spool
  /** The largest file that is fetched, in bytes. */
  readonly maxBytes: number
}

export function createRemoteMedia({ db, clock, blobs, spool, maxBytes }: RemoteMediaDeps): RemoteMedia {
  const underWay = createKeyedMutex()
  let source: RemoteSource = async () => undefined

  async function* limited(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let size = 0
    for await (const chunk of body) {
      size += chunk.length
      if (size > maxBytes) throw errors.remoteTooLarge()
      yield chunk
    }
  }

  return {
    use: (next) => {
      source = next
    },
    // Whoever waits for the same file finds it when its turn comes.
    fetch: (ref, options) =>
      underWay.run(formatMxc(ref), async () => {
        if (await db.read((reader) => getMedia(reader, ref))) return true
        const file = await source(ref, { ...options, maxBytes })
        if (!file) return false
        await using spooled = await spool.write(limited(file.body))
        const { fileName } = file
        // Nobody has looked at what the other server says.
        const contentType = readContentType(file.contentType)
        await blobs.keep(spooled, async (tx, blob) => {
          const media = {
            ...ref,
            contentType,
            fileName,
            uploader: null,
            kind: 'remote' as const,
            createdTs: clock.now(),
          }
          const nid = await insertMedia(tx, media, blob)
          if (file.isEphemeral) await expireMedia(tx, nid, clock.now() + ephemeralLifetime)
        })
        return true
      }),
  }
}
