import { canonicalJson } from '../../../matrix/canonical-json.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import type { ServerName } from '../../../matrix/ids.ts'
import { type OldSigningKey, type SigningKey, signJson } from '../../../matrix/signing.ts'
import type { Clock } from '../../../util/clock.ts'
import type { KeysById } from './known-keys.ts'

export interface OwnKeys {
  /** What `GET /_matrix/key/v2/server` answers, signed by every current key. */
  document(): JsonObject
  /** The same as canonical JSON. */
  text(): string
  byId(): KeysById
}

const validityMs = 24 * 60 * 60 * 1000

export function createOwnKeys(
  serverName: ServerName,
  current: readonly SigningKey[],
  old: readonly OldSigningKey[],
  clock: Clock,
): OwnKeys {
  const document = () => {
    const unsigned: JsonObject = {
      server_name: serverName,
      valid_until_ts: clock.now() + validityMs,
      verify_keys: Object.fromEntries(current.map(({ keyId, publicKey }) => [keyId, { key: publicKey }])),
      old_verify_keys: Object.fromEntries(
        old.map(({ keyId, publicKey, expiredTs }) => [keyId, { key: publicKey, expired_ts: expiredTs }]),
      ),
    }
    return current.reduce((object, key) => signJson(object, serverName, key), unsigned)
  }
  const byId = new Map([
    ...old.map(({ keyId, publicKey, expiredTs }) => [keyId, { keyId, publicKey, validUntil: expiredTs }] as const),
    ...current.map(
      ({ keyId, publicKey }) => [keyId, { keyId, publicKey, validUntil: Number.MAX_SAFE_INTEGER }] as const,
    ),
  ])
  return { document, text: () => canonicalJson(document()), byId: () => byId }
}
