import { z } from 'zod'
import type { CrossSigningUsage } from '../db/schema/e2ee.ts'
import { canonicalJson } from '../matrix/canonical-json.ts'
import { errors } from '../matrix/errors.ts'
import type { Json, JsonObject } from '../matrix/event.ts'
import { limitObject, limitUploaded } from './limits.ts'

/** Any JSON object, kept with all its keys. */
export const jsonObject = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'must be an object',
)

const signatures = z.record(z.string(), z.record(z.string(), z.string()))

/** https://spec.matrix.org/v1.19/client-server-api/#device-keys; unknown keys stay, because signatures cover them. */
export const deviceKeysSchema = z.looseObject({
  user_id: z.string(),
  device_id: z.string(),
  algorithms: z.array(z.string()),
  keys: z.record(z.string(), z.string()),
  signatures,
})

/** Keys by `algorithm:key_id`; each is the key itself or an object with `key` and `signatures`. */
export const oneTimeKeysSchema = z.record(z.string(), z.union([z.string(), jsonObject]))

export const crossSigningKeySchema = z.looseObject({
  user_id: z.string(),
  usage: z.array(z.string()),
  keys: z.record(z.string(), z.string()),
  signatures: signatures.optional(),
})

export type DeviceKeys = z.output<typeof deviceKeysSchema>
export type CrossSigningKey = z.output<typeof crossSigningKeySchema>
export type OneTimeKeys = z.output<typeof oneTimeKeysSchema>

/** A one-time or fallback key, taken apart. `json` is canonical. */
export interface NamedKey {
  readonly algorithm: string
  readonly keyId: string
  readonly json: string
}

/** The canonical form of what others will be given. Throws `M_TOO_LARGE`. */
function passedOn(key: Json): string {
  const json = canonicalJson(key)
  limitObject(json)
  return json
}

/** Splits `algorithm:key_id`; throws `M_BAD_JSON` for other names, `M_TOO_LARGE` for too many or too large keys. */
export function parseNamedKeys(keys: OneTimeKeys): NamedKey[] {
  const entries = Object.entries(keys)
  limitUploaded(entries.length)
  return entries.map(([name, key]) => {
    const colon = name.indexOf(':')
    if (colon < 1 || colon === name.length - 1) throw errors.badJson('Key names have the form algorithm:key_id')
    return { algorithm: name.slice(0, colon), keyId: name.slice(colon + 1), json: passedOn(key) }
  })
}

/** The canonical form of device keys as they are kept: without `unsigned`, which is the server's to fill in. */
export function checkDeviceKeys(keys: DeviceKeys, userId: string, deviceId: string): string {
  if (keys.user_id !== userId) throw errors.invalidParam('The user_id of the device keys is not yours')
  if (keys.device_id !== deviceId) throw errors.invalidParam("The device_id of the device keys is not this device's")
  const { unsigned: _unsigned, ...kept } = keys
  return passedOn(asJson(kept))
}

/** The public key of a cross-signing key; throws `M_BAD_JSON` or `M_INVALID_PARAM` where it has not the required form. */
export function checkCrossSigningKey(key: CrossSigningKey, usage: CrossSigningUsage, userId: string): string {
  if (key.user_id !== userId) throw errors.invalidParam(`The user_id of the ${usage} key is not yours`)
  if (!key.usage.includes(usage)) throw errors.invalidParam(`The usage of the ${usage} key must be ["${usage}"]`)
  const entries = Object.entries(key.keys)
  const [name, publicKey] = entries[0] ?? []
  if (entries.length !== 1 || name === undefined || publicKey === undefined) {
    throw errors.badJson(`The ${usage} key must hold exactly one public key`)
  }
  if (name !== `ed25519:${publicKey}`) throw errors.badJson(`The ${usage} key must be named ed25519:PUBLIC_KEY`)
  limitObject(JSON.stringify(key))
  return publicKey
}

/** What the signatures of a key object cover, in canonical form. */
export function signedPart(object: JsonObject): string {
  const { signatures: _signatures, unsigned: _unsigned, ...rest } = object
  return canonicalJson(rest)
}

/** The request's JSON had a form that a schema checked, so that nothing but JSON is in it. */
export function asJson(object: Record<string, unknown>): JsonObject {
  return object as JsonObject
}
