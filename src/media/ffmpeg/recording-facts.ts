import { z } from 'zod'

/** What is known of a recording without playing it. */
export interface RecordingFacts {
  /** In ms; null where it cannot be told. */
  readonly durationMs: number | null
  /** Of the picture as it is seen, that is after it has been turned upright; null for sound. */
  readonly width: number | null
  readonly height: number | null
  readonly videoCodec: string | null
  readonly audioCodec: string | null
}

const seconds = z.coerce.number().nonnegative().finite().optional().catch(undefined)
const pixels = z.int().positive().optional().catch(undefined)

const report = z.object({
  streams: z
    .array(
      z.object({
        codec_type: z.string().optional(),
        codec_name: z.string().optional(),
        width: pixels,
        height: pixels,
        duration: seconds,
        disposition: z.object({ attached_pic: z.number().optional() }).optional(),
        side_data_list: z.array(z.object({ rotation: z.number().optional() })).optional(),
      }),
    )
    .default([]),
  format: z.object({ duration: seconds }).default({}),
})

/** Reads the JSON that ffprobe prints. Throws for what has neither sound nor a moving picture. */
export function readRecordingFacts(json: string): RecordingFacts {
  const { streams, format } = report.parse(JSON.parse(json))
  const audio = streams.find(({ codec_type: type }) => type === 'audio')
  // The cover of a song is no video.
  const video = streams.find(({ codec_type: type, disposition }) => type === 'video' && !disposition?.attached_pic)
  if (!audio && !video) throw new Error('there is no recording in the file')
  const rotation = video?.side_data_list?.find((data) => data.rotation !== undefined)?.rotation ?? 0
  const isTurned = Math.abs(rotation) % 180 === 90
  const { width = null, height = null } = video ?? {}
  const duration = format.duration ?? video?.duration ?? audio?.duration
  return {
    durationMs: duration === undefined ? null : Math.round(duration * 1000),
    width: isTurned ? height : width,
    height: isTurned ? width : height,
    videoCodec: video?.codec_name ?? null,
    audioCodec: audio?.codec_name ?? null,
  }
}
