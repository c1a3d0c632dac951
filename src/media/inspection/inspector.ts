import type { Database, Reader, Tx } from '../../db/database.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import { errors, MatrixError } from '../../matrix/errors.ts'
import { createKeyedMutex } from '../../util/keyed-mutex.ts'
import type { Log } from '../../util/log.ts'
import type { Blobs } from '../blobs.ts'
import type { Ffmpeg } from '../ffmpeg/ffmpeg.ts'
import { inputFormatOf } from '../ffmpeg/input-formats.ts'
import type { RecordingFacts } from '../ffmpeg/recording-facts.ts'
import { type Blob, getBlob } from '../store-blobs.ts'
import { isFaultOfPicture } from '../thumbnails/faults.ts'
import type { Pictures } from '../thumbnails/pictures.ts'
import type { Thumbnails } from '../thumbnails/thumbnails.ts'
import { blurhashOf } from './blur.ts'
import { getMediaFacts, type MediaFacts, putMediaFacts } from './store-facts.ts'

/** Opens pictures and recordings once to see how large and how long they are. */
export interface Inspector {
  /** Call it in the transaction that keeps a file: it is looked at soon afterwards. */
  noted(tx: Tx, blob: Blob): Promise<void>
  /** What is known of a file, looked up at once where it was not yet. Throws `M_NOT_FOUND` where it is gone. */
  facts(blob: Blob, signal: AbortSignal): Promise<MediaFacts>
}

export interface InspectorDeps {
  readonly db: Database
  readonly log: Log
  readonly jobs: Pick<Jobs, 'enqueue' | 'handle'>
  readonly blobs: Blobs
  readonly ffmpeg: Ffmpeg
  readonly pictures: Pictures
  readonly thumbnails: Pick<Thumbnails, 'pictureOf'>
  /** Pictures with more pixels are not opened. */
  readonly maxPixels: number
}

const inspectJob = 'media.inspect'
const nothing = { width: null, height: null, durationMs: null, videoCodec: null, audioCodec: null }

export function createInspector(deps: InspectorDeps): Inspector {
  const { db, log, jobs, blobs, ffmpeg, pictures, thumbnails, maxPixels } = deps
  const underWay = createKeyedMutex()

  /** Undefined where the file turns out to be none that can be read. */
  async function attempt<T>(what: string, task: () => Promise<T>): Promise<T | undefined> {
    try {
      return await task()
    } catch (error) {
      const isNone = error instanceof MatrixError && error.status === 400
      if (!isNone && !isFaultOfPicture(error)) throw error
      if (!isNone) log.info({ err: error }, `an uploaded ${what} cannot be read`)
      return undefined
    }
  }

  async function lookAtRecording(blob: Blob, type: string, signal: AbortSignal): Promise<RecordingFacts | undefined> {
    return attempt('recording', async () => {
      const facts = await blobs.useFile(blob, (path) => ffmpeg.probe({ path, type }, signal))
      if (!facts) throw errors.notFound()
      return facts
    })
  }

  async function lookAtPicture(blob: Blob, signal: AbortSignal) {
    return attempt('picture', async () => {
      const source = await thumbnails.pictureOf(blob, signal)
      const { width, height } = await pictures.facts(source, signal)
      if (width * height > maxPixels) return { width, height, blurhash: null }
      const { shrink } = await pictures.library()
      const small = await pictures.work(() => blobs.useFile(source, (path) => shrink(path, maxPixels)), signal)
      if (!small) throw errors.notFound()
      return { width, height, blurhash: blurhashOf(small) }
    })
  }

  async function inspect(blob: Blob, signal: AbortSignal): Promise<MediaFacts> {
    const type = blob.detectedType ?? ''
    const recording = ffmpeg.canRead(type) ? await lookAtRecording(blob, type, signal) : undefined
    const hasPicture = type.startsWith('image/') || (recording?.videoCodec ?? null) !== null
    const picture = hasPicture ? await lookAtPicture(blob, signal) : undefined
    // The size of a video is that of its own frames; its poster may be smaller.
    const { width, height } = recording ?? picture ?? nothing
    return { ...nothing, ...recording, width, height, blurhash: picture?.blurhash ?? null }
  }

  function facts(blob: Blob, signal: AbortSignal): Promise<MediaFacts> {
    return underWay.run(String(blob.nid), async () => {
      const known = await db.read((reader) => getMediaFacts(reader, blob.nid))
      if (known) return known
      const found = await inspect(blob, signal)
      // Once ffmpeg has been installed, there is more to be found.
      if (!ffmpeg.isInstalled && inputFormatOf(blob.detectedType ?? '') !== undefined) return found
      await db.write('media facts', async (tx) => {
        if (await blobs.isStored(tx, blob.nid)) await putMediaFacts(tx, blob.nid, found)
      })
      return found
    })
  }

  const isWanted = async (reader: Reader, { nid, detectedType }: Blob) =>
    detectedType !== null &&
    (detectedType.startsWith('image/') || ffmpeg.canRead(detectedType)) &&
    (await getMediaFacts(reader, nid)) === undefined

  jobs.handle(inspectJob, async ({ blob: nid }, signal) => {
    const blob = await db.read((reader) => getBlob(reader, Number(nid)))
    if (blob) await facts(blob, signal).catch(ignoreGone)
  })

  return {
    facts,
    noted: async (tx, blob) => {
      if (await isWanted(tx, blob)) await jobs.enqueue(tx, inspectJob, { blob: blob.nid }, { key: String(blob.nid) })
    },
  }
}

/** It has been deleted meanwhile. */
function ignoreGone(error: unknown): void {
  if (!(error instanceof MatrixError && error.status === 404)) throw error
}
