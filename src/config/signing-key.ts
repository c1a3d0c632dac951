import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { decodeBase64 } from '../matrix/base64.ts'
import { generateSigningKeyText, type OldSigningKey, parseSigningKeys, type SigningKey } from '../matrix/signing.ts'
import { StartupError } from '../util/part.ts'

export interface SigningKeys {
  /** The first signs; the others are only published. */
  readonly current: readonly [SigningKey, ...SigningKey[]]
  readonly old: readonly OldSigningKey[]
}

/**
 * The server's keys from `signing.key` in the data folder: `ed25519 VERSION SEED` for each key in use, and `old ed25519:VERSION
 * PUBLIC_KEY EXPIRED_TS` for those that were. The file is made on first start, readable by its owner alone. Throws a
 * `StartupError` where it cannot be used.
 */
export function loadSigningKeys(dataDir: string): SigningKeys {
  const path = join(dataDir, 'signing.key')
  try {
    if (!existsSync(path)) replaceFile(path, generateSigningKeyText())
    return parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new StartupError(`The signing key ${path} cannot be used: ${error instanceof Error ? error.message : error}`)
  }
}

/**
 * Puts a new key in front of the others; those sign no more and stay published as old ones. No server may run on the
 * folder meanwhile, since it would go on signing. `now` in ms. Throws a `StartupError`.
 */
export function rotateSigningKeys(dataDir: string, now: number): SigningKeys {
  const { current, old } = loadSigningKeys(dataDir)
  const retired = current.map(({ keyId, publicKey }) => ({ keyId, publicKey, expiredTs: now }))
  const lines = [...retired, ...old].map(
    ({ keyId, publicKey, expiredTs }) => `old ${keyId} ${publicKey} ${expiredTs}\n`,
  )
  replaceFile(join(dataDir, 'signing.key'), `${generateSigningKeyText()}${lines.join('')}`)
  return loadSigningKeys(dataDir)
}

function parse(text: string): SigningKeys {
  const old: OldSigningKey[] = []
  const others = text.split('\n').map((line, i) => {
    if (!line.trim().startsWith('old ')) return line
    old.push(parseOldKey(line, i + 1))
    return ''
  })
  const [first, ...rest] = parseSigningKeys(others.join('\n'))
  if (first === undefined) throw new Error('it has no key. Restore it from a backup.')
  return { current: [first, ...rest], old }
}

function parseOldKey(line: string, number: number): OldSigningKey {
  const [, keyId = '', publicKey = '', expired = '', ...rest] = line.trim().split(/\s+/)
  const isKey = /^ed25519:\w+$/.test(keyId) && decodeBase64(publicKey)?.length === 32
  if (!isKey || !/^\d{1,15}$/.test(expired) || rest.length > 0) {
    throw new Error(`line ${number} is not "old ed25519:VERSION PUBLIC_KEY EXPIRED_TS"`)
  }
  return { keyId, publicKey, expiredTs: Number(expired) }
}

/** Under another name first: a crash in between must not leave half a key behind. */
export function replaceFile(path: string, text: string): void {
  const fresh = `${path}.new`
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(fresh, text, { mode: 0o600, flush: true })
  renameSync(fresh, path)
}
