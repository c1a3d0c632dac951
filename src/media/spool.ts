import { createHash } from 'node:crypto'
import { type FileHandle, mkdir, open, rm, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { randomString } from '../util/random.ts'
import type { LocalFile } from './blob-store.ts'

/** What the type of a file is told from. */
const headBytes = 4100

/** A file that has been received as a whole, until it is disposed of or moved away. */
export interface SpooledFile extends LocalFile, AsyncDisposable {
  /** In hex. */
  readonly sha256: string
  readonly size: number
  /** The first 4100 bytes at most. */
  readonly head: Buffer
}

type Source = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** Temporary files: whatever comes in is written there piece by piece, and never held in memory as a whole. */
export interface Spool {
  /** Writes a source to its end. When it fails, or when the disk is full, nothing of it remains. */
  write(source: Source): Promise<SpooledFile>
  /** Lends a path that something else may write a file to; the file is removed afterwards. */
  withPath<T>(use: (path: string) => Promise<T>): Promise<T>
  /** Removes what an earlier run left behind. Nothing may be under way. */
  clear(): Promise<void>
}

export function createSpool(folder: string): Spool {
  const newPath = () => join(folder, randomString(20))
  return {
    withPath: async (use) => {
      const path = newPath()
      try {
        return await use(path)
      } finally {
        await remove(path)
      }
    },
    write: async (source) => {
      const path = newPath()
      const file = await open(path, 'wx', 0o600)
      const dispose = async () => {
        await file.close()
        await remove(path)
      }
      try {
        return { path, ...(await fill(file, source)), sync: () => file.sync(), [Symbol.asyncDispose]: dispose }
      } catch (error) {
        await dispose()
        throw error
      }
    },
    clear: async () => {
      await rm(folder, { recursive: true, force: true })
      await mkdir(folder, { recursive: true, mode: 0o700 })
    },
  }
}

/** Somebody may have moved it away. */
async function remove(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}

async function fill(file: FileHandle, source: Source) {
  const hash = createHash('sha256')
  const head = Buffer.alloc(headBytes)
  let size = 0
  for await (const chunk of source) {
    hash.update(chunk)
    if (size < headBytes) head.set(chunk.subarray(0, headBytes - size), size)
    size += chunk.length
    await file.writeFile(chunk)
  }
  return { sha256: hash.digest('hex'), size, head: head.subarray(0, size) }
}
