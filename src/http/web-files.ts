import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface WebFile {
  readonly bytes: Uint8Array
  readonly type: string
  readonly etag: string
}

const root = fileURLToPath(new URL('../../web/', import.meta.url))

const types: ReadonlyMap<string, string> = new Map([
  ['.js', 'text/javascript; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
  ['.svg', 'image/svg+xml'],
])

/** Reads the browser code of all pages, by `folder/file`. Whatever is asked for later is found here or nowhere. */
export function readWebFiles(folder = root): ReadonlyMap<string, WebFile> {
  const files = new Map<string, WebFile>()
  for (const path of globSync('*/*', { cwd: folder })) {
    const type = types.get(extname(path))
    if (type === undefined) continue
    const bytes = readFileSync(`${folder}/${path}`)
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
    files.set(path.replaceAll('\\', '/'), { bytes, type, etag })
  }
  return files
}
