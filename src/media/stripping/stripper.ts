import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { errors } from '../../matrix/errors.ts'
import type { Log } from '../../util/log.ts'
import { detectType } from '../detect-type.ts'
import type { Ffmpeg } from '../ffmpeg/ffmpeg.ts'
import type { Spool, SpooledFile } from '../spool.ts'
import { isFaultOfPicture } from '../thumbnails/faults.ts'
import type { Pictures } from '../thumbnails/pictures.ts'
import { partsOfStrippedPng } from './strip-png.ts'
import { stripOptionsFor } from './strip-recording.ts'

export interface StripRequest {
  /** The uploader asked for it: what cannot be stripped is refused, and not only what fails to be. */
  readonly isDemanded: boolean
  readonly signal: AbortSignal
}

/** Takes out of files what they tell beside what they show: where, when and with what a photo was taken. */
export interface Stripper {
  /** The file without it; undefined where there is nothing to remove. Throws `400 M_UNKNOWN` where it cannot be removed. */
  strip(file: SpooledFile, request: StripRequest): Promise<SpooledFile | undefined>
}

export interface StripperDeps {
  readonly log: Log
  readonly spool: Spool
  readonly pictures: Pictures
  readonly ffmpeg: Ffmpeg
  readonly maxPixels: number
  /** The largest result in bytes. */
  readonly maxBytes: number
}

const refusal = () => errors.unknown(400, 'The metadata of this file cannot be removed')

export function createStripper({ log, spool, pictures, ffmpeg, maxPixels, maxBytes }: StripperDeps): Stripper {
  async function* piecesOf(path: string, parts: readonly { start: number; end: number }[]) {
    for (const { start, end } of parts) yield* createReadStream(path, { start, end: end - 1 })
  }

  async function stripPng(file: SpooledFile): Promise<SpooledFile | undefined> {
    const parts = await partsOfStrippedPng(file.path)
    return parts && spool.write(piecesOf(file.path, parts))
  }

  async function stripPicture(file: SpooledFile, signal: AbortSignal): Promise<SpooledFile | undefined> {
    const library = await pictures.library()
    return spool.withPath(async (target) => {
      const isNew = await pictures.work(() => library.strip(file.path, { target, maxPixels }), signal)
      if (!isNew) return undefined
      if ((await stat(target)).size > maxBytes) throw new Error('the picture without its metadata is too large')
      return spool.write(createReadStream(target))
    })
  }

  function stripRecording(file: SpooledFile, type: string, options: readonly string[], signal: AbortSignal) {
    return spool.withPath(async (target) => {
      await ffmpeg.convert({ path: file.path, type }, { target, options, maxBytes }, signal)
      return spool.write(createReadStream(target))
    })
  }

  /** Undefined for types that carry no metadata, or none that is known here. */
  async function planFor(file: SpooledFile, signal: AbortSignal) {
    const type = await detectType(file.head)
    if (type === undefined) return undefined
    if (type === 'image/apng') return () => stripPng(file)
    if (type.startsWith('image/') && (await pictures.library()).canRead(type)) return () => stripPicture(file, signal)
    const options = ffmpeg.canRead(type) ? stripOptionsFor(type) : undefined
    return options && (() => stripRecording(file, type, options, signal))
  }

  return {
    strip: async (file, { isDemanded, signal }) => {
      const plan = await planFor(file, signal)
      if (!plan && isDemanded) throw refusal()
      try {
        return await plan?.()
      } catch (error) {
        if (!isFaultOfPicture(error)) throw error
        log.info({ err: error }, 'the metadata of an upload could not be removed')
        throw refusal()
      }
    },
  }
}
