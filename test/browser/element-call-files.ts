/** Element Call as it comes from npm, where it is installed. */
import { existsSync, readFileSync } from 'node:fs'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from '../helpers/web-server.ts'

const folder = fileURLToPath(
  new URL('../../.cache/element-call/node_modules/@element-hq/element-call-embedded/dist', import.meta.url),
)

/** Why it is not here, or false: for the `skip` option of a test. */
export const elementCallMissing: string | false = existsSync(folder)
  ? false
  : 'there is no Element Call: scripts/install-element-call.sh'

const types: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
}

/** What is served below `/element-call/`. */
export function elementCallFile(path: string): Page | undefined {
  const prefix = '/element-call/'
  if (!path.startsWith(prefix)) return undefined
  const file = join(folder, normalize(path.slice(prefix.length).replace(/[?#].*/, '')))
  if (!file.startsWith(folder) || !existsSync(file)) return undefined
  return (_request, response) => {
    response
      .writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' })
      .end(readFileSync(file))
  }
}
