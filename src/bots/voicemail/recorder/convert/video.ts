import { createReadStream } from 'node:fs'
import type { Ffmpeg, Recording } from '../../../../media/ffmpeg/ffmpeg.ts'
import type { Spool } from '../../../../media/spool.ts'
import type { ConversionRequest, VideoRecording } from './converted.ts'
import { faults } from './faults.ts'
import { seconds, shortestMs, toleranceMs } from './limits.ts'
import { gainFilters, gainFor, measureFilter, readLoudness } from './loudness.ts'
import { withoutMetadata } from './voice.ts'

export const side = 480
const framesPerSecond = 30
/** Larger pictures are not opened. */
const mostPixels = 4096 * 2304
const input = ['-max_pixels', String(mostPixels)]

const square = `crop='min(iw,ih)':'min(iw,ih)',scale=${side}:${side},setsar=1,fps=${framesPerSecond},format=yuv420p`
const h264 = ['-c:v', 'libx264', '-profile:v', 'main', '-level:v', '3.0', '-preset', 'veryfast', '-g', '60']
const rate = ['-crf', '25', '-maxrate', '800k', '-bufsize', '800k']
const aac = ['-c:a', 'aac', '-b:a', '64k', '-ac', '1', '-ar', '48000']
const mostBytesPerSecond = 125_000

const still = ['-map', '0:v:0', '-an', '-vf', 'thumbnail=24,scale=out_range=pc,format=yuvj420p', '-frames:v', '1']
const jpeg = [...still, '-c:v', 'mjpeg', '-q:v', '5', ...withoutMetadata, '-f', 'image2pipe']

interface Deps {
  readonly spool: Spool
  readonly ffmpeg: Ffmpeg
}

/** Makes a square video, and a picture for it, of whatever has moving pictures. */
export async function convertVideo(deps: Deps, request: ConversionRequest): Promise<VideoRecording> {
  const { spool, ffmpeg } = deps
  const { path, type, maxLengthMs, signal } = request
  const source = { path, type }
  const { videoCodec, audioCodec } = await ffmpeg.probe(source, signal)
  if (videoCodec === null) throw faults.noPicture()
  const lengthMs = await ffmpeg.measure(source, signal)
  if (lengthMs === null) throw faults.empty()
  if (lengthMs > maxLengthMs + toleranceMs) throw faults.tooLong(maxLengthMs)
  const gain = audioCodec === null ? 0 : await measureGain(deps, request)
  return spool.withPath(async (target) => {
    const sound = audioCodec === null ? ['-an'] : ['-map', '0:a:0', '-af', gainFilters(gain), ...aac]
    const picture = ['-map', '0:v:0', '-vf', square, ...h264, ...rate]
    const options = [
      ...picture,
      ...sound,
      ...['-sn', '-dn', '-t', seconds(maxLengthMs)],
      ...[...withoutMetadata, '-movflags', '+faststart', '-f', 'mp4'],
    ]
    const maxBytes = 65_536 + Math.ceil((maxLengthMs / 1000) * mostBytesPerSecond)
    const maxMs = 60_000 + 2 * maxLengthMs
    await ffmpeg.convert(source, { target, options, maxBytes, maxMs, inputOptions: input }, signal)
    const video = { path: target, type: 'video/mp4' }
    // What came out counts: packets may promise more than can be decoded.
    const made = await ffmpeg.probe(video, signal)
    if (made.videoCodec !== 'h264' || made.durationMs === null) throw faults.noPicture()
    if (made.durationMs < shortestMs) throw faults.tooShort()
    const poster = await makePoster(deps, video, signal)
    try {
      const file = await spool.write(createReadStream(target))
      return { kind: 'video', file, poster, side, durationMs: Math.min(made.durationMs, maxLengthMs) }
    } catch (error) {
      await poster[Symbol.asyncDispose]()
      throw error
    }
  })
}

async function measureGain({ ffmpeg }: Deps, { path, type, maxLengthMs, signal }: ConversionRequest): Promise<number> {
  const options = ['-map', '0:a:0', '-vn', '-af', measureFilter, '-t', seconds(maxLengthMs), '-f', 'null']
  return gainFor(
    readLoudness(await ffmpeg.convert({ path, type }, { target: '/dev/null', options, maxBytes: 0 }, signal)),
  )
}

function makePoster({ spool, ffmpeg }: Deps, video: Recording, signal: AbortSignal) {
  return spool.withPath(async (target) => {
    await ffmpeg.convert(video, { target, options: jpeg, maxBytes: 1024 * 1024 }, signal)
    return spool.write(createReadStream(target))
  })
}
