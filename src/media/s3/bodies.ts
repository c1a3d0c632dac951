import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { createSemaphore } from '../../util/semaphore.ts'
import type { ByteRange } from '../blob-store.ts'

/** Of all uploads together, what is in memory at a time is 30 MiB at most, unless a file has more than 45 GB. */
const small = createMemory({ bytes: 256 * 1024, count: 40 })
/** S3 takes no parts that are smaller. */
export const partBytes = 5 * 1024 * 1024
const large = createMemory({ bytes: partBytes, count: 4 })
/** What is read and hashed at once, so that the event loop is free in between. */
const stepBytes = 512 * 1024

export interface BodyOfRequest {
  readonly Body: Buffer
  /** In hex. */
  readonly sha256: string
}

/** Lends a part of a file while a request sends it. Waits where many are lent already. */
export function withBody<T>(
  path: string,
  range: ByteRange,
  send: (body: BodyOfRequest) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const length = range.end - range.start + 1
  const lend = length > small.bytes ? large.lend : small.lend
  return lend(length, async (memory) => send(await read(path, range.start, memory)), signal)
}

/** Pieces of memory that are used again: what uploads throw away would pile up until the garbage collector comes. */
function createMemory({ bytes, count }: { bytes: number; count: number }) {
  const slots = createSemaphore(count)
  const idle: Buffer[] = []
  let lent = 0
  return {
    bytes,
    lend: <T>(length: number, use: (memory: Buffer) => Promise<T>, signal: AbortSignal | undefined): Promise<T> =>
      slots.run(async () => {
        lent++
        try {
          const memory = (length <= bytes && idle.pop()) || Buffer.allocUnsafeSlow(Math.max(length, bytes))
          const result = await use(memory.subarray(0, length))
          // A connection that has failed may hold it still.
          if (memory.length === bytes) idle.push(memory)
          return result
        } finally {
          lent--
          if (lent === 0) idle.splice(1)
        }
      }, signal),
  }
}

async function read(path: string, start: number, memory: Buffer): Promise<BodyOfRequest> {
  const hash = createHash('sha256')
  const file = await open(path)
  try {
    for (let at = 0; at < memory.length; ) {
      const { bytesRead } = await file.read(memory, at, Math.min(stepBytes, memory.length - at), start + at)
      if (bytesRead === 0) throw new Error('a file is shorter than it was')
      hash.update(memory.subarray(at, at + bytesRead))
      at += bytesRead
    }
  } finally {
    await file.close()
  }
  return { Body: memory, sha256: hash.digest('hex') }
}
