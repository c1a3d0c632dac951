import { access, type FileHandle, mkdir, open, opendir, rename, rmdir, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type BlobStore, type ByteRange, isBlobKey, type LocalFile } from './blob-store.ts'

/** What is read at once; longer files are read in pieces of this. */
const pieceBytes = 64 * 1024
/** Keys that are listed at once. */
const pageSize = 500

/** Keeps each blob in a file of its own, in folders by the first letters of its key. */
export function createFileBlobStore(folder: string): BlobStore {
  const pathOf = (key: string) => join(folder, key.slice(0, 2), key)
  return {
    // The folder belongs to the data folder, which one process at a time uses.
    claim: async () => true,
    put: async (key, file) => {
      const path = pathOf(key)
      await moveTo(path, file)
      // One commit of the file system's journal covers both.
      await file.sync()
      await syncFolder(dirname(path))
    },
    open: async (key, range) => {
      const file = await openExisting(pathOf(key))
      if (!file) return undefined
      const length = range.end - range.start + 1
      if (length > pieceBytes) return file.createReadStream({ ...range, highWaterMark: pieceBytes, autoClose: true })
      return readPart(file, range, length)
    },
    useFile: async (key, use) => {
      const path = pathOf(key)
      return (await exists(path)) ? use(path) : undefined
    },
    sizeOf: async (key) => {
      try {
        return (await stat(pathOf(key))).size
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    },
    delete: async (key) => {
      // Not rm(), which looks at the file first, in the thread that serves.
      await unlink(pathOf(key)).catch((error: unknown) => {
        if (!isMissing(error)) throw error
      })
    },
    list: () => listFiles(folder),
    tidy: async () => {},
    abandon: async () => {
      // What is not ours stays.
      for await (const { name } of entriesOf(folder)) await removeEmpty(join(folder, name))
      await removeEmpty(folder)
    },
    close: () => {},
  }
}

async function* listFiles(folder: string): AsyncGenerator<readonly string[]> {
  for await (const { name } of entriesOf(folder)) {
    let page: string[] = []
    for await (const entry of entriesOf(join(folder, name))) {
      if (!isBlobKey(entry.name)) continue
      if (page.push(entry.name) < pageSize) continue
      yield page
      page = []
    }
    if (page.length > 0) yield page
  }
}

async function removeEmpty(path: string): Promise<void> {
  await rmdir(path).catch((error: unknown) => {
    if (!['ENOENT', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST'].some((code) => hasCode(error, code))) throw error
  })
}

async function* entriesOf(folder: string) {
  try {
    yield* await opendir(folder)
  } catch (error) {
    if (!(isMissing(error) || isNoFolder(error))) throw error
  }
}

async function moveTo(path: string, file: LocalFile): Promise<void> {
  try {
    await rename(file.path, path)
  } catch (error) {
    if (!isMissing(error)) throw error
    await makeFolder(dirname(path))
    await rename(file.path, path)
  }
}

async function readPart(file: FileHandle, { start }: ByteRange, length: number): Promise<Uint8Array> {
  try {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, start)
    if (bytesRead < length) throw new Error('a file of media is shorter than it was')
    return buffer
  } finally {
    await file.close()
  }
}

async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** Makes a folder, and makes its entry in each folder above that is new, too, durable. */
async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made))
}

async function syncFolder(path: string): Promise<void> {
  // Windows opens no folders, and needs none to be synced.
  if (process.platform === 'win32') return
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const hasCode = (error: unknown, code: string) => error instanceof Error && 'code' in error && error.code === code
const isMissing = (error: unknown) => hasCode(error, 'ENOENT')
const isNoFolder = (error: unknown) => hasCode(error, 'ENOTDIR')
