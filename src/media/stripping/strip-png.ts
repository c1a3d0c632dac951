import { open } from 'node:fs/promises'

/** What a PNG tells beside its picture: https://www.w3.org/TR/png-3/#11textinfo */
const telling: ReadonlySet<string> = new Set(['tEXt', 'zTXt', 'iTXt', 'eXIf', 'tIME'])
const signatureBytes = 8
const mostChunks = 100_000

/** A part of a file, its end not included. */
export interface Part {
  readonly start: number
  readonly end: number
}

/**
 * What is left of a PNG without what it tells beside itself, and without what follows its end; undefined where that is all
 * of it. Moving pictures keep their frames, which no library here could write again. Throws where it is no PNG.
 */
export async function partsOfStrippedPng(path: string): Promise<Part[] | undefined> {
  await using file = await open(path)
  const { size } = await file.stat()
  const head = Buffer.alloc(8)
  const parts: { start: number; end: number }[] = [{ start: 0, end: signatureBytes }]
  let at = signatureBytes
  for (let count = 0; count < mostChunks; count++) {
    const { bytesRead } = await file.read(head, 0, 8, at)
    const end = at + 12 + head.readUInt32BE(0)
    if (bytesRead < 8 || end > size) throw new Error('the PNG ends in the middle')
    const name = head.toString('latin1', 4)
    const last = parts.at(-1)
    if (!telling.has(name)) {
      if (last?.end === at) last.end = end
      else parts.push({ start: at, end })
    }
    if (name === 'IEND') return parts.length === 1 && end === size ? undefined : parts
    at = end
  }
  throw new Error('the PNG has too many parts')
}
