import { createReadStream } from 'node:fs'
import type { Ffmpeg } from '../../../../media/ffmpeg/ffmpeg.ts'
import type { Spool } from '../../../../media/spool.ts'
import type { ConversionRequest, VoiceRecording } from './converted.ts'
import { faults } from './faults.ts'
import { seconds, shortestMs, toleranceMs } from './limits.ts'
import { gainFilters, gainFor, measureFilter, readLoudness } from './loudness.ts'
import { readPeaks, sampleRate } from './pcm.ts'
import { waveformOf } from './waveform.ts'

const bytesPerSecond = sampleRate * 2
/** Somebody waits for the second that it takes. */
const isNice = false
/** Nothing of where, when and with what it was recorded. */
export const withoutMetadata = ['-map_metadata', '-1', '-map_chapters', '-1', '-fflags', '+bitexact']
/** Half of the work of the highest level, for the same size. */
const opus = ['-c:a', 'libopus', '-b:a', '24k', '-application', 'voip', '-compression_level', '3']

/** Makes a voice message of whatever has sound: decoded to see what is really there, then encoded as loud as all others. */
export function convertVoice(
  { spool, ffmpeg }: { spool: Spool; ffmpeg: Ffmpeg },
  { path, type, maxLengthMs, signal }: ConversionRequest,
): Promise<VoiceRecording> {
  return spool.withPath(async (wav) => {
    // A little more than is allowed, so that too long is seen to be so, and no more is decoded however long it goes on.
    const mostMs = maxLengthMs + 2 * toleranceMs
    const sound = ['-map', '0:a:0', '-vn', '-sn', '-dn', '-af', measureFilter, '-ac', '1', '-ar', String(sampleRate)]
    const options = [...sound, '-t', seconds(mostMs), '-c:a', 'pcm_s16le', '-f', 'wav']
    const maxBytes = Math.ceil((mostMs / 1000) * bytesPerSecond) + 4096
    const log = await ffmpeg.convert({ path, type }, { target: wav, options, maxBytes, isNice }, signal)
    const { steps, samples } = await readPeaks(wav)
    const heardMs = (samples * 1000) / sampleRate
    if (samples === 0) throw faults.empty()
    if (heardMs < shortestMs) throw faults.tooShort()
    if (heardMs > maxLengthMs + toleranceMs) throw faults.tooLong(maxLengthMs)
    const durationMs = Math.round(Math.min(heardMs, maxLengthMs))
    const gain = gainFor(readLoudness(log))
    const filters = ['-af', gainFilters(gain), '-t', seconds(durationMs)]
    return spool.withPath(async (target) => {
      const encoding = [...filters, ...opus, ...withoutMetadata, '-f', 'ogg']
      const largest = 4096 + Math.ceil(durationMs * 8)
      await ffmpeg.convert(
        { path: wav, type: 'audio/wav' },
        { target, options: encoding, maxBytes: largest, isNice },
        signal,
      )
      const file = await spool.write(createReadStream(target))
      return { kind: 'voice', file, durationMs, waveform: waveformOf(steps, heardMs, 10 ** (gain / 20)) }
    })
  })
}
