import { readPackets, writePages } from './ogg-pages.ts'
import type { OpusTrack } from './webm-opus.ts'

/** An Ogg file with Opus and nothing else in it. */
export interface OggOpus {
  readonly bytes: Buffer
  readonly durationMs: number
  /** Of the packets of sound, in bytes: louder is larger, more or less. */
  readonly packetSizes: readonly number[]
}

const headName = Buffer.from('OpusHead')
const tagsName = Buffer.from('OpusTags')
/** All that the format demands, which is nothing that tells of anybody. */
const emptyTags = Buffer.concat([tagsName, Buffer.from('\x08\0\0\0Ringback\0\0\0\0', 'latin1')])
/** Opus counts in these whatever it was recorded with. */
const samplesPerMs = 48
/** The longest packet is 120 ms. */
const mostSamples = 120 * samplesPerMs

/** The sound of an Ogg file with one stream of Opus (https://www.rfc-editor.org/rfc/rfc7845). Throws for anything else. */
export function readOggOpus(file: Buffer): OpusTrack & { readonly lastGranule: number } {
  const { packets, lastGranule } = readPackets(file)
  const [head, tags, ...sound] = packets
  if (!head || !tags?.subarray(0, 8).equals(tagsName)) throw new Error('a header is missing')
  return { head, packets: sound, lastGranule }
}

/**
 * Writes an Ogg file without metadata, and with a length that is counted from the packets, whatever was said of it before.
 * Throws for packets that are no Opus.
 */
export function writeOggOpus({ head, packets, lastGranule }: OpusTrack & { readonly lastGranule?: number }): OggOpus {
  if (head.length < 19 || !head.subarray(0, 8).equals(headName)) throw new Error('this is no Opus')
  const [version = 255, channels = 0] = head.subarray(8)
  const family = head[18]
  if (version > 15 || channels < 1 || channels > 2 || family !== 0) throw new Error('this kind of Opus is not taken')
  const skipped = head.readUInt16LE(10)
  let samples = 0
  const counted = packets.map((packet) => {
    samples += samplesOf(packet)
    return { packet, granule: samples }
  })
  // The end of the last packet may be cut off, and no more.
  const last = counted.at(-1)
  if (last && lastGranule !== undefined && lastGranule < samples && samples - lastGranule < mostSamples) {
    last.granule = lastGranule
  }
  const headers = [head.subarray(0, 19), emptyTags].map((packet) => [{ packet, granule: 0 }])
  return {
    bytes: writePages(headers, counted),
    durationMs: Math.max(0, Math.round(((last?.granule ?? 0) - skipped) / samplesPerMs)),
    packetSizes: packets.map(({ length }) => length),
  }
}

/** Lengths of frames in samples by the upper five bits: https://www.rfc-editor.org/rfc/rfc6716#section-3.1 */
function frameSamples(config: number): number {
  if (config < 12) return [480, 960, 1920, 2880][config % 4] ?? 0
  if (config < 16) return [480, 960][config % 2] ?? 0
  return [120, 240, 480, 960][config % 4] ?? 0
}

function samplesOf(packet: Buffer): number {
  const [toc, second] = packet
  if (toc === undefined) throw new Error('a packet is empty')
  const code = toc & 3
  const frames = code === 0 ? 1 : code < 3 ? 2 : (second ?? 0) & 63
  const samples = frames * frameSamples(toc >> 3)
  if (samples === 0 || samples > mostSamples) throw new Error('a packet has an impossible length')
  return samples
}
