/** Ids of https://www.matroska.org/technical/elements.html, as far as they lead to packets of sound. */
const ids = {
  segment: 0x18538067,
  cluster: 0x1f43b675,
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  trackNumber: 0xd7,
  codecId: 0x86,
  codecPrivate: 0x63a2,
  blockGroup: 0xa0,
  block: 0xa1,
  simpleBlock: 0xa3,
}
const containers = new Set([ids.segment, ids.cluster, ids.tracks, ids.trackEntry, ids.blockGroup])
const lacing = 0x06

export interface OpusTrack {
  /** The identification header: https://www.rfc-editor.org/rfc/rfc7845#section-5.1 */
  readonly head: Buffer
  readonly packets: readonly Buffer[]
}

interface Track {
  number: number
  codec: string
  head: Buffer | undefined
}

/** Reads the packets of the one track of Opus in a WebM file. Throws for whatever else there is. */
export function readWebmOpus(file: Buffer): OpusTrack {
  const tracks: Track[] = []
  const packets: Buffer[] = []
  for (const { id, data } of elements(file)) {
    const track = tracks.at(-1)
    if (id === ids.trackEntry) tracks.push({ number: 0, codec: '', head: undefined })
    else if (id === ids.trackNumber && track) track.number = data.readUIntBE(0, Math.min(data.length, 6))
    else if (id === ids.codecId && track) track.codec = data.toString('latin1')
    else if (id === ids.codecPrivate && track) track.head = Buffer.from(data)
    else if (id === ids.simpleBlock || id === ids.block) packets.push(packetOf(data, tracks))
  }
  const [track, ...others] = tracks
  if (track?.codec !== 'A_OPUS' || track.head === undefined || others.length > 0)
    throw new Error('it is not Opus alone')
  return { head: track.head, packets }
}

/** https://www.matroska.org/technical/basics.html#block-structure */
function packetOf(block: Buffer, tracks: readonly Track[]): Buffer {
  const { value: number, length } = readNumber(block, 0)
  const flags = block[length + 2]
  if (flags === undefined || (flags & lacing) !== 0) throw new Error('a block has several packets')
  if (tracks.length !== 1 || tracks[0]?.number !== number) throw new Error('a block is of another track')
  return Buffer.from(block.subarray(length + 3))
}

/** All elements in their order; those that hold others come with nothing in them, and then what they hold. */
function* elements(file: Buffer): Generator<{ id: number; data: Buffer }> {
  for (let at = 0; at < file.length; ) {
    const { id, length: idLength } = readId(file, at)
    const { value: size, length: sizeLength, isUnknown } = readNumber(file, at + idLength)
    const start = at + idLength + sizeLength
    const isContainer = containers.has(id)
    if (isContainer) yield { id, data: Buffer.alloc(0) }
    else {
      if (isUnknown || start + size > file.length) throw new Error('the file ends in the middle of an element')
      yield { id, data: file.subarray(start, start + size) }
    }
    at = isContainer ? start : start + size
  }
}

function readId(file: Buffer, at: number): { id: number; length: number } {
  const length = Math.clz32(file[at] ?? 0) - 23
  if (length > 4 || at + length > file.length) throw new Error('this is no WebM')
  return { id: file.readUIntBE(at, length), length }
}

/** A number whose first byte says how long it is; all its bits set mean that it is not known. */
function readNumber(file: Buffer, at: number): { value: number; length: number; isUnknown: boolean } {
  const first = file[at] ?? 0
  const length = Math.clz32(first) - 23
  if (length > 8 || at + length > file.length) throw new Error('this is no WebM')
  let value = first & (0xff >> length)
  let isUnknown = value === 0xff >> length
  for (let i = 1; i < length; i++) {
    const byte = file[at + i] ?? 0
    value = value * 256 + byte
    isUnknown &&= byte === 0xff
  }
  return { value, length, isUnknown }
}
