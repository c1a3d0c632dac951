import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeBase64 } from '../matrix/base64.ts'
import { parseSigningKeys, type SigningKey } from '../matrix/signing.ts'
import { StartupError } from '../util/part.ts'
import { randomToken } from '../util/random.ts'
import { replaceFile } from './signing-key.ts'

/**
 * The key with which this server recommends events as a policy server, from `policy.key` in the data folder: a line
 * `ed25519 policy_server SEED`, made on first use. Throws a `StartupError` where it cannot be used.
 */
export function loadPolicyKey(dataDir: string): SigningKey {
  const path = join(dataDir, 'policy.key')
  try {
    if (!existsSync(path)) {
      const seed = encodeBase64(Buffer.from(randomToken(32), 'base64url'))
      replaceFile(path, `ed25519 policy_server ${seed}\n`)
    }
    const [key, ...others] = parseSigningKeys(readFileSync(path, 'utf8'))
    if (key?.keyId !== 'ed25519:policy_server' || others.length > 0) {
      throw new Error('it must be one line "ed25519 policy_server SEED". Restore it from a backup.')
    }
    return key
  } catch (error) {
    throw new StartupError(`The key ${path} cannot be used: ${error instanceof Error ? error.message : error}`)
  }
}
