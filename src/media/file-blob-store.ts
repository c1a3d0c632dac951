import { access, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { BlobStore } from './blob-store.ts'

/** Keeps each blob in a file of its own, in folders by the first letters of its key. */
export function createFileBlobStore(folder: string): BlobStore {
  const pathOf = (key: string) => join(folder, key.slice(0, 2), key.slice(2, 4), key)
  return {
    put: async (key, path) => {
      const target = pathOf(key)
      await syncToDisk(path)
      await makeFolder(dirname(target))
      await rename(path, target)
      await syncToDisk(dirname(target))
    },
    open: async (key, range) => {
      try {
        const file = await open(pathOf(key))
        return file.createReadStream({ ...range, autoClose: true })
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    },
    useFile: async (key, use) => {
      const path = pathOf(key)
      return (await exists(path)) ? use(path) : undefined
    },
    delete: (key) => rm(pathOf(key), { force: true }),
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** Makes a folder, and its entry in each folder above that is new, too, durable. */
async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncToDisk(dirname(made))
}

/** A file's bytes, or a folder's entries. */
async function syncToDisk(path: string): Promise<void> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    // Windows opens no folders, and needs none to be synced.
    if (process.platform === 'win32' && !isMissing(error)) return undefined
    throw error
  })
  if (!handle) return
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
