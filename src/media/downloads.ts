import type { Database } from '../db/database.ts'
import { errors } from '../matrix/errors.ts'
import type { ServerName } from '../matrix/ids.ts'
import { isMediaId, type MediaRef } from '../matrix/mxc.ts'
import type { TimerClock } from '../util/clock.ts'
import type { Accesses } from './accesses/accesses.ts'
import type { RemoteMedia } from './remote-media.ts'
import type { Blob } from './store-blobs.ts'
import { getMedia, type StoredMedia } from './store-media.ts'
import type { UploadWaiters } from './upload-waiters.ts'

/** Media that has its content. */
export interface LiveMedia extends StoredMedia {
  readonly blob: Blob
}

export interface FindOptions {
  /** How long to wait for content that is not there yet, in ms. */
  readonly timeoutMs: number
  /** Ask the other server for media that is not ours. */
  readonly allowRemote: boolean
  readonly signal: AbortSignal
  /** Also find what is in quarantine: for administrators who ask for it. */
  readonly isQuarantineIgnored?: boolean
}

export interface Downloads {
  /** Throws `M_NOT_FOUND`, or `M_NOT_YET_UPLOADED` once the time is up. */
  find(ref: MediaRef, options: FindOptions): Promise<LiveMedia>
}

export interface DownloadsDeps {
  readonly db: Database
  readonly clock: TimerClock
  readonly serverName: ServerName
  readonly waiters: UploadWaiters
  readonly remote: RemoteMedia
  readonly accesses: Pick<Accesses, 'usedMedia'>
}

/** Proxies in front of the server give up after 60 s. */
const longestWaitMs = 50_000

export function createDownloads({ db, clock, serverName, waiters, remote, accesses }: DownloadsDeps): Downloads {
  const get = async (ref: MediaRef): Promise<StoredMedia | undefined> => {
    const media = await db.read((reader) => getMedia(reader, ref))
    const isGone = media?.state === 'deleted' || (media?.state === 'pending' && (media.expiresTs ?? 0) <= clock.now())
    return isGone ? undefined : media
  }

  async function findOwn(ref: MediaRef, { timeoutMs, signal }: FindOptions): Promise<StoredMedia | undefined> {
    const until = clock.now() + timeoutMs
    for (;;) {
      const media = await get(ref)
      const rest = until - clock.now()
      if (media?.state !== 'pending') return media
      if (rest <= 0 || signal.aborted) throw errors.notYetUploaded()
      await untilUploaded(ref, media.nid, rest, signal)
    }
  }

  async function untilUploaded(ref: MediaRef, nid: number, ms: number, signal: AbortSignal): Promise<void> {
    const enough = new AbortController()
    const waiting = waiters.wait(nid, ms, AbortSignal.any([signal, enough.signal]))
    try {
      // It may have come just before the wait began.
      if ((await get(ref))?.state === 'pending') await waiting
    } finally {
      enough.abort()
    }
  }

  return {
    find: async (ref, given) => {
      const options = { ...given, timeoutMs: Math.min(given.timeoutMs, longestWaitMs) }
      if (!isMediaId(ref.mediaId)) throw errors.notFound()
      let media = ref.origin === serverName ? await findOwn(ref, options) : await get(ref)
      if (!media && ref.origin !== serverName && options.allowRemote && (await remote.fetch(ref, options))) {
        media = await get(ref)
      }
      const isHidden = media?.isQuarantined && !options.isQuarantineIgnored
      if (!media?.blob || isHidden) throw errors.notFound('There is no such media, or it has been deleted')
      accesses.usedMedia(media.nid)
      return { ...media, blob: media.blob }
    },
  }
}
