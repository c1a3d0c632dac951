import { readFile, stat } from 'node:fs/promises'
import type { Spool } from '../../../../media/spool.ts'
import type { ConversionRequest, VoiceRecording } from './converted.ts'
import { faults } from './faults.ts'
import { shortestMs, toleranceMs } from './limits.ts'
import { type OggOpus, readOggOpus, writeOggOpus } from './ogg-opus.ts'
import { waveformOf } from './waveform.ts'
import { readWebmOpus } from './webm-opus.ts'

/** 256 kbit/s. */
const mostBytesPerMs = 32
/** For headers, in bytes. */
const slack = 65_536

/**
 * Without ffmpeg: takes sound that browsers have put into Opus already, checked packet by packet, and puts it into Ogg. How
 * loud it was cannot be told, so that the waveform shows how much there was to say.
 */
export async function takeReadyVoice(
  spool: Spool,
  { path, type, maxLengthMs }: ConversionRequest,
): Promise<VoiceRecording> {
  if ((await stat(path)).size > maxLengthMs * mostBytesPerMs + slack) throw faults.cannotConvert()
  const { durationMs, packetSizes, bytes } = repack(await readFile(path), type)
  if (durationMs === 0) throw faults.empty()
  if (durationMs < shortestMs) throw faults.tooShort()
  if (durationMs > maxLengthMs + toleranceMs) throw faults.tooLong(maxLengthMs)
  if (bytes.length > durationMs * mostBytesPerMs + slack) throw faults.cannotConvert()
  const most = packetSizes.reduce((largest, size) => Math.max(largest, size), 1)
  const shares = packetSizes.map((size) => size / most)
  const file = await spool.write([bytes])
  return { kind: 'voice', file, durationMs, waveform: waveformOf(shares, durationMs) }
}

function repack(bytes: Buffer, type: string): OggOpus {
  try {
    if (/^(audio|application)\/ogg/.test(type)) return writeOggOpus(readOggOpus(bytes))
    if (/^(audio|video)\/webm/.test(type)) return writeOggOpus(readWebmOpus(bytes))
  } catch {
    // Said below.
  }
  throw faults.cannotConvert()
}
