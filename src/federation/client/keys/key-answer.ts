import { z } from 'zod'
import type { JsonObject } from '../../../matrix/event.ts'
import { nullAsEmptyObject } from '../../../matrix/null-as-empty.ts'
import { signaturesBy, verifyJson } from '../../../matrix/signing.ts'

/** A public key and until when (ms) it signs what is valid. */
export interface ServerKey {
  readonly keyId: string
  readonly publicKey: string
  readonly validUntil: number
}

export interface KeyAnswer {
  readonly keys: readonly ServerKey[]
  /** When the answer is outdated, at most a week from now. */
  readonly validUntil: number
  /** As it was signed. */
  readonly json: JsonObject
}

const publicKey = z.string().regex(/^[A-Za-z0-9+/]{43}=?$/)
const time = z.number().int()
const schema = z.looseObject({
  server_name: z.string(),
  valid_until_ts: time,
  verify_keys: z.record(z.string(), z.unknown()),
  old_verify_keys: nullAsEmptyObject(z.record(z.string(), z.unknown())).default({}),
})

const maxValidityMs = 7 * 24 * 60 * 60 * 1000
/** Nobody needs so many, and each costs a row. */
const maxKeys = 200
const keyIdPattern = /^ed25519:[A-Za-z0-9_]{1,100}$/

const currentKey = z.looseObject({ key: publicKey })
const oldKey = z.looseObject({ key: publicKey, expired_ts: time })

/**
 * Reads what a server says about its keys: https://spec.matrix.org/v1.19/server-server-api/#publishing-keys
 * Undefined where it is not about that server or not signed by one of the keys that it names. `now` in ms.
 */
export function readKeyAnswer(server: string, json: JsonObject, now: number): KeyAnswer | undefined {
  const parsed = schema.safeParse(json)
  if (!parsed.success || parsed.data.server_name !== server) return undefined
  const { verify_keys: current, old_verify_keys: old, valid_until_ts: claimed } = parsed.data
  const validUntil = Math.min(claimed, now + maxValidityMs)
  const keys = new Map<string, ServerKey>()
  for (const [keyId, entry] of Object.entries(old)) {
    const key = oldKey.safeParse(entry).data
    if (key && keyIdPattern.test(keyId)) keys.set(keyId, { keyId, publicKey: key.key, validUntil: key.expired_ts })
  }
  const signatures = signaturesBy(json, server)
  let isSigned = false
  for (const [keyId, entry] of Object.entries(current)) {
    const key = currentKey.safeParse(entry).data
    if (!key || !keyIdPattern.test(keyId)) continue
    // A key that is also named among the old ones is in use again.
    keys.set(keyId, { keyId, publicKey: key.key, validUntil })
    if (!signatures.has(keyId)) continue
    // A key that did not make the signature under its name is not theirs.
    if (!verifyJson(json, server, keyId, key.key)) return undefined
    isSigned = true
  }
  return isSigned && keys.size <= maxKeys ? { keys: [...keys.values()], validUntil, json } : undefined
}
