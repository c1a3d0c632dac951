import type { Database } from '../../db/database.ts'
import { ClientGoneError } from '../../http/client-gone.ts'
import { errors } from '../../matrix/errors.ts'
import type { Log } from '../../util/log.ts'
import { createSemaphore } from '../../util/semaphore.ts'
import type { Blobs } from '../blobs.ts'
import { type ImageLibrary, loadImageLibrary, type PictureFacts, picturesAtATime } from './image-library.ts'
import { getFacts, setFacts } from './store-thumbnails.ts'

/** Bytes that may be a picture. */
export interface PictureSource {
  readonly nid: number
  readonly key: string
}

/** Access to what is in pictures, for few of them at a time. */
export interface Pictures {
  /** Throws `400 M_UNKNOWN` where the machine cannot open pictures at all. */
  library(): Promise<ImageLibrary>
  /** Size and number of frames, looked up once. Throws what the library throws for what is no picture. */
  facts(source: PictureSource, signal: AbortSignal): Promise<PictureFacts>
  /** Runs heavy work when its turn comes; whoever has gone by then is skipped. `M_LIMIT_EXCEEDED` when too many wait. */
  work<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T>
}

export interface PicturesDeps {
  readonly db: Database
  readonly log: Log
  readonly blobs: Blobs
}

const mostWaiting = 200

export function createPictures({ db, log, blobs }: PicturesDeps): Pictures {
  const workers = createSemaphore(picturesAtATime)

  async function work<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (workers.waiting >= mostWaiting) throw errors.limitExceeded(5_000, 'Too many thumbnails are being made')
    try {
      return await workers.run(task, signal)
    } catch (error) {
      throw signal.aborted ? new ClientGoneError('nobody waits for the picture any more') : error
    }
  }

  const library = () =>
    loadImageLibrary().catch((error: unknown) => {
      log.warn({ err: error }, 'there are no thumbnails: sharp does not run on this machine')
      throw errors.unknown(400, 'This server makes no thumbnails')
    })

  return {
    library,
    work,
    facts: async (source, signal) => {
      const known = await db.read((reader) => getFacts(reader, source.nid))
      if (known) return known
      const { probe } = await library()
      const facts = await work(() => blobs.useFile(source, probe), signal)
      if (!facts) throw errors.notFound()
      await db.write('picture facts', (tx) => setFacts(tx, source.nid, facts))
      return facts
    },
  }
}
