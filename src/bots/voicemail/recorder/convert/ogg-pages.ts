/** https://www.rfc-editor.org/rfc/rfc3533#section-6 */
const capture = Buffer.from('OggS')
const headerBytes = 27
const flags = { continued: 1, first: 2, last: 4 }
const longestPage = 48_000

export interface CountedPacket {
  readonly packet: Buffer
  /** Samples up to its end. */
  granule: number
}

/** Reads the packets of a file with one logical stream. Throws for whatever is not exactly that. */
export function readPackets(file: Buffer): { packets: Buffer[]; lastGranule: number } {
  const packets: Buffer[] = []
  let parts: Buffer[] = []
  let serial: number | undefined
  let lastGranule = 0
  let isOver = false
  for (let at = 0; at < file.length; ) {
    const count = file[at + 26] ?? 0
    const start = at + headerBytes + count
    if (start > file.length || !file.subarray(at, at + 4).equals(capture) || isOver) throw new Error('this is no Ogg')
    const lengths = file.subarray(at + headerBytes, start)
    const end = start + lengths.reduce((sum, length) => sum + length, 0)
    if (end > file.length) throw new Error('the file ends in the middle of a page')
    const page = file.subarray(at, end)
    if (checksum(page) !== page.readUInt32LE(22)) throw new Error('a page is damaged')
    serial ??= page.readUInt32LE(14)
    if (page.readUInt32LE(14) !== serial) throw new Error('the file has several streams')
    if (((page[5] ?? 0) & flags.continued) !== (parts.length > 0 ? flags.continued : 0))
      throw new Error('a page is missing')
    let from = start
    for (const length of lengths) {
      parts.push(file.subarray(from, from + length))
      from += length
      if (length === 255) continue
      packets.push(Buffer.concat(parts))
      parts = []
    }
    const granule = page.readBigInt64LE(6)
    if (granule >= 0n) lastGranule = Number(granule)
    isOver = ((page[5] ?? 0) & flags.last) !== 0
    at = end
  }
  if (parts.length > 0) throw new Error('the last packet is not whole')
  return { packets, lastGranule }
}

/** Writes a file: each of the headers has a page of its own, as formats in Ogg demand. */
export function writePages(headers: readonly CountedPacket[][], packets: readonly CountedPacket[]): Buffer {
  const pages: CountedPacket[][] = [...headers]
  let page: CountedPacket[] = []
  let size = 0
  let segments = 0
  for (const counted of packets) {
    const { length } = counted.packet
    const needed = Math.floor(length / 255) + 1
    if (page.length > 0 && (size + length > longestPage || segments + needed > 255)) {
      pages.push(page)
      page = []
      size = 0
      segments = 0
    }
    page.push(counted)
    size += length
    segments += needed
  }
  if (page.length > 0) pages.push(page)
  return Buffer.concat(pages.map((one, number) => writePage(one, number, number === pages.length - 1)))
}

function writePage(packets: readonly CountedPacket[], number: number, isLast: boolean): Buffer {
  const lengths = packets.flatMap(({ packet: { length } }) => [
    ...Array<number>(Math.floor(length / 255)).fill(255),
    length % 255,
  ])
  if (lengths.length > 255) throw new Error('a packet is too large for a page')
  const header = Buffer.alloc(headerBytes + lengths.length)
  capture.copy(header)
  header[5] = (number === 0 ? flags.first : 0) | (isLast ? flags.last : 0)
  header.writeBigInt64LE(BigInt(packets.at(-1)?.granule ?? 0), 6)
  header.writeUInt32LE(1, 14)
  header.writeUInt32LE(number, 18)
  header[26] = lengths.length
  header.set(lengths, headerBytes)
  const page = Buffer.concat([header, ...packets.map(({ packet }) => packet)])
  page.writeUInt32LE(checksum(page), 22)
  return page
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte << 24
  for (let bit = 0; bit < 8; bit++) rest = (rest << 1) ^ (rest < 0 ? 0x04c11db7 : 0)
  return rest >>> 0
})

/** Over the page, its own four bytes counted as zero. */
function checksum(page: Buffer): number {
  let rest = 0
  for (let at = 0; at < page.length; at++) {
    const value = at >= 22 && at < 26 ? 0 : (page[at] ?? 0)
    rest = (rest << 8) ^ (table[(rest >>> 24) ^ value] ?? 0)
  }
  return rest >>> 0
}
