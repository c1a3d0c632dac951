import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { generateSigningKeyText, parseSigningKeys, type SigningKey } from '../matrix/signing.ts'
import { StartupError } from '../util/part.ts'

/**
 * The server's keys from `signing.key` in the data folder; the file is made on first start, readable by its owner
 * alone. The first key signs. Throws a `StartupError` where the file cannot be used.
 */
export function loadSigningKeys(dataDir: string): [SigningKey, ...SigningKey[]] {
  const path = join(dataDir, 'signing.key')
  const keys = readKeys(path)
  const [first, ...rest] = keys
  if (first === undefined) throw new StartupError(`The signing key file ${path} is empty. Restore it from a backup.`)
  return [first, ...rest]
}

function readKeys(path: string): SigningKey[] {
  try {
    if (!existsSync(path)) create(path)
    return parseSigningKeys(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new StartupError(`The signing key ${path} cannot be used: ${error instanceof Error ? error.message : error}`)
  }
}

/** Under another name first: a crash in between must not leave half a key behind. */
function create(path: string): void {
  const fresh = `${path}.new`
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(fresh, generateSigningKeyText(), { mode: 0o600, flush: true })
  renameSync(fresh, path)
}
