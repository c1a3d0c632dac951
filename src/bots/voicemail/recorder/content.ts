import type { JsonObject } from '../../../matrix/event.ts'
import type { VideoRecording, VoiceRecording } from './convert/converted.ts'

/** A file that is in the media repository. */
export interface StoredFile {
  readonly mxc: string
  readonly size: number
}

const spec = {
  voice: { name: 'Voice message', fileName: 'Voice message.ogg', mimetype: 'audio/ogg' },
  video: { name: 'Video message', fileName: 'Video message.mp4', mimetype: 'video/mp4' },
} as const

export const fileNames = { voice: spec.voice.fileName, video: spec.video.fileName } as const

/**
 * A voice message as clients send and show it: https://github.com/matrix-org/matrix-spec-proposals/pull/3245 in its
 * deployed form. A body that differs from the file's name is a caption, which clients without voice messages show as well.
 */
export function voiceContent(
  { mxc: url, size }: StoredFile,
  { durationMs: duration, waveform }: Pick<VoiceRecording, 'durationMs' | 'waveform'>,
  caption?: string,
): JsonObject {
  const { name, fileName: filename, mimetype } = spec.voice
  const body = caption ?? name
  return {
    msgtype: 'm.audio',
    body,
    filename,
    url,
    info: { duration, mimetype, size },
    'org.matrix.msc1767.text': body,
    'org.matrix.msc1767.file': { url, name: filename, mimetype, size },
    'org.matrix.msc1767.audio': { duration, waveform: [...waveform] },
    'org.matrix.msc3245.voice': {},
    'm.mentions': {},
  }
}

export interface StoredPoster extends StoredFile {
  /** https://blurha.sh; null where it could not be made. */
  readonly blurhash: string | null
}

/**
 * A video that clients which know round videos show so: https://github.com/matrix-org/matrix-spec-proposals/pull/4546, and
 * the hint that bridges to Telegram use.
 */
export function videoContent(
  { mxc: url, size }: StoredFile,
  poster: StoredPoster,
  { durationMs: duration, side }: Pick<VideoRecording, 'durationMs' | 'side'>,
  caption?: string,
): JsonObject {
  const { name, fileName: filename, mimetype } = spec.video
  return {
    msgtype: 'm.video',
    body: caption ?? name,
    filename,
    url,
    info: {
      duration,
      w: side,
      h: side,
      size,
      mimetype,
      thumbnail_url: poster.mxc,
      thumbnail_info: { w: side, h: side, mimetype: 'image/jpeg', size: poster.size },
      ...(poster.blurhash !== null && { 'xyz.amorgan.blurhash': poster.blurhash }),
      'fi.mau.telegram.round_message': true,
    },
    'org.interferolog.circle': true,
    'io.ringback.video_note': { shape: 'round' },
    'm.mentions': {},
  }
}
