import { detectType } from '../../../../media/detect-type.ts'
import type { Ffmpeg } from '../../../../media/ffmpeg/ffmpeg.ts'
import { inputFormatOf } from '../../../../media/ffmpeg/input-formats.ts'
import type { Spool, SpooledFile } from '../../../../media/spool.ts'
import { isFaultOfPicture } from '../../../../media/thumbnails/faults.ts'
import type { Log } from '../../../../util/log.ts'
import type { NoteKind } from '../types.ts'
import type { ConversionRequest, ConvertedRecording } from './converted.ts'
import { faults } from './faults.ts'
import { takeReadyVoice } from './ready-voice.ts'
import { convertVideo } from './video.ts'
import { convertVoice } from './voice.ts'

export interface Converter {
  /** Whether any recording can be converted, or only sound that is in Opus already. */
  readonly canConvert: boolean
  /**
   * Makes of a recording what is sent. Whoever calls it disposes of the files. Throws `400 M_INVALID_PARAM` for what is too
   * long, empty, or no recording.
   */
  convert(
    file: SpooledFile,
    request: { kind: NoteKind; maxLengthMs: number; signal: AbortSignal },
  ): Promise<ConvertedRecording>
}

export function createConverter(deps: { spool: Spool; ffmpeg: Ffmpeg; log: Log }): Converter {
  const { ffmpeg, log } = deps
  const convertAs: Record<NoteKind, (request: ConversionRequest) => Promise<ConvertedRecording>> = {
    voice: (request) => convertVoice(deps, request),
    video: (request) => convertVideo(deps, request),
  }
  return {
    canConvert: ffmpeg.isInstalled,
    convert: async (file, { kind, maxLengthMs, signal }) => {
      if (file.size === 0) throw faults.empty()
      const type = await detectType(file.head)
      if (type === undefined || inputFormatOf(type) === undefined) throw faults.unreadable()
      if (!ffmpeg.isInstalled) {
        if (kind === 'video') throw faults.cannotConvert()
        return takeReadyVoice(deps.spool, { path: file.path, type, maxLengthMs, signal })
      }
      try {
        return await convertAs[kind]({ path: file.path, type, maxLengthMs, signal })
      } catch (error) {
        if (!isFaultOfPicture(error)) throw error
        log.info({ err: error }, 'a recording cannot be read')
        throw faults.unreadable()
      }
    },
  }
}
