import { readFile } from 'node:fs/promises'
import type { Database } from '../../db/database.ts'
import { errors, type MatrixError } from '../../matrix/errors.ts'
import type { ServerName } from '../../matrix/ids.ts'
import { createKeyedMutex } from '../../util/keyed-mutex.ts'
import type { Log } from '../../util/log.ts'
import type { Accesses } from '../accesses/accesses.ts'
import type { Blobs } from '../blobs.ts'
import { contentDisposition } from '../disposition.ts'
import type { LiveMedia } from '../downloads.ts'
import type { Ffmpeg } from '../ffmpeg/ffmpeg.ts'
import { isVideo } from '../ffmpeg/input-formats.ts'
import type { ServedFile } from '../file-reply.ts'
import type { Spool } from '../spool.ts'
import type { Blob } from '../store-blobs.ts'
import { isFaultOfPicture } from './faults.ts'
import type { Rendered } from './image-library.ts'
import type { PictureSource, Pictures } from './pictures.ts'
import { planSize, variantOf, type WantedSize } from './sizes.ts'
import { getThumbnail, putThumbnail, type StoredThumbnail } from './store-thumbnails.ts'

export interface WantedThumbnail extends WantedSize {
  /** Whether it may move, where the picture does. */
  readonly animated: boolean
}

export interface Thumbnails {
  /**
   * A smaller picture of a picture or a video, made when it is asked for first. Throws `400 M_UNKNOWN` for what has
   * none, `413 M_TOO_LARGE` (`502` for media of other servers) for pictures of too many pixels.
   */
  get(media: LiveMedia, wanted: WantedThumbnail, signal: AbortSignal): Promise<ServedFile>
  /**
   * The picture that thumbnails are made of: the content itself, or a picture from a video. Throws `400 M_UNKNOWN` for what
   * has none.
   */
  pictureOf(blob: Blob, signal: AbortSignal): Promise<PictureSource>
}

export interface ThumbnailsDeps {
  readonly db: Database
  readonly log: Log
  readonly blobs: Blobs
  readonly spool: Spool
  readonly pictures: Pictures
  readonly accesses: Pick<Accesses, 'usedThumbnail'>
  readonly serverName: ServerName
  /** Pictures with more pixels are not opened. */
  readonly maxPixels: number
  readonly ffmpeg: Ffmpeg
}

/** ffmpeg keeps turns of its own, so that pictures do not wait for videos. */
const inTurnOfFfmpeg = <T>(task: () => Promise<T>) => task()

const noThumbnail = () => errors.unknown(400, 'There are no thumbnails of this content')

export function createThumbnails({
  db,
  log,
  blobs,
  spool,
  pictures,
  accesses,
  serverName,
  maxPixels,
  ffmpeg,
}: ThumbnailsDeps): Thumbnails {
  const underWay = createKeyedMutex()

  /** What is filed under a variant, or else what `make` writes; a picture that cannot be read is tried once. */
  function derived(
    source: PictureSource,
    variant: string,
    inTurn: <T>(task: () => Promise<T>) => Promise<T>,
    make: (path: string) => Promise<Rendered>,
  ): Promise<StoredThumbnail> {
    return underWay.run(`${source.nid} ${variant}`, async () => {
      const known = await db.read((reader) => getThumbnail(reader, source.nid, variant))
      if (known === 'impossible') throw noThumbnail()
      if (known) return known
      const made = await inTurn(() => blobs.useFile(source, make)).catch(async (error: unknown) => {
        if (!isFaultOfPicture(error)) throw error
        log.info({ err: error, variant }, 'a thumbnail could not be made')
        await db.write('no thumbnail', (tx) => putThumbnail(tx, source.nid, variant))
        throw noThumbnail()
      })
      if (!made) throw errors.notFound()
      const { contentType } = made
      await using file = await spool.write([made.bytes])
      return await blobs.keep(file, async (tx, blob) => {
        if (!(await blobs.isStored(tx, source.nid))) throw errors.notFound('The media has been deleted')
        await putThumbnail(tx, source.nid, variant, { blobNid: blob.nid, contentType })
        return { contentType, blob }
      })
    })
  }

  async function pictureOf(blob: Blob, signal: AbortSignal): Promise<PictureSource> {
    const images = await pictures.library()
    if (blob.detectedType === null) throw noThumbnail()
    if (images.canRead(blob.detectedType)) return blob
    const type = blob.detectedType
    if (!ffmpeg.isInstalled || !isVideo(type)) throw noThumbnail()
    const { blob: picture } = await derived(blob, 'poster', inTurnOfFfmpeg, (path) =>
      spool.withPath(async (target) => {
        await ffmpeg.poster({ path, type }, { target, maxPixels }, signal)
        return { bytes: await readFile(target), contentType: 'image/png' }
      }),
    )
    return picture
  }

  return {
    pictureOf,
    get: async (media, wanted, signal) => {
      const images = await pictures.library()
      const source = await pictureOf(media.blob, signal)
      const facts = await pictures.facts(source, signal).catch((error: unknown) => {
        throw isFaultOfPicture(error) ? noThumbnail() : error
      })
      const pixels = facts.width * facts.height
      if (pixels > maxPixels) throw tooManyPixels(media.origin !== serverName)
      const frames = wanted.animated ? Math.min(facts.frames, Math.floor(maxPixels / pixels)) : 1
      const size = planSize(wanted, facts)
      const inTurn = <T>(task: () => Promise<T>) => pictures.work(task, signal)
      const { blob, contentType } = await derived(source, variantOf(size, frames > 1), inTurn, (path) =>
        images.render(path, { size, frames, maxPixels }),
      )
      for (const { nid } of [source, blob]) accesses.usedThumbnail(nid)
      return {
        contentType,
        disposition: contentDisposition('inline', `thumbnail.${extensions[contentType] ?? 'png'}`),
        size: blob.size,
        sha256: blob.sha256,
        open: (range) => blobs.open(blob, range),
      }
    },
  }
}

const extensions: Readonly<Record<string, string>> = { 'image/jpeg': 'jpg', 'image/png': 'png', 'image/webp': 'webp' }

function tooManyPixels(isRemote: boolean): MatrixError {
  const message = 'The picture has too many pixels for a thumbnail'
  return isRemote ? errors.remoteTooLarge(message) : errors.tooLarge(message)
}
