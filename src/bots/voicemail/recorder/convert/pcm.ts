import { createReadStream } from 'node:fs'
import { createYielder } from '../../../../util/async.ts'
import { createPeakMeter, type Peaks } from './waveform.ts'

/** Of what is decoded here. */
export const sampleRate = 48_000
const stepMs = 10
/** ffmpeg writes a short header; its samples begin after the name and the length of the chunk. */
const longestHeader = 4096

/** Reads the samples of a WAV file that ffmpeg has written: one channel, 16 bits, 48 kHz. */
export async function readPeaks(path: string): Promise<Peaks> {
  const meter = createPeakMeter((sampleRate * stepMs) / 1000)
  const yielder = createYielder()
  let header: Buffer | undefined = Buffer.alloc(0)
  for await (const chunk of createReadStream(path)) {
    let samples: Buffer = chunk
    if (header !== undefined) {
      header = Buffer.concat([header, samples])
      const at = header.indexOf('data')
      if (at < 0 || header.length < at + 8) {
        if (header.length > longestHeader) throw new Error('there are no samples in the WAV file')
        continue
      }
      samples = header.subarray(at + 8)
      header = undefined
    }
    meter.add(samples)
    await yielder()
  }
  return meter.end()
}
