import type { Database, Reader, Tx } from '../db/database.ts'
import type { CrossSigningUsage } from '../db/schema/e2ee.ts'
import { canonicalJson } from '../matrix/canonical-json.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import { verifyJson } from '../matrix/signing.ts'
import { type ChangeDeps, crossSigningChanged } from './device-keys.ts'
import { asJson, type CrossSigningKey, checkCrossSigningKey, signedPart } from './key-format.ts'
import type { DeviceDirectory } from './ports.ts'
import {
  deleteCrossSigningKey,
  deleteSignaturesBy,
  deleteSignaturesOf,
  listCrossSigningKeys,
  type StoredCrossSigningKey,
  upsertCrossSigningKey,
} from './store-cross-signing.ts'

export interface CrossSigningDeps extends ChangeDeps {
  readonly db: Database
  readonly devices: DeviceDirectory
}

export type CrossSigningUpload = { readonly [usage in CrossSigningUsage]?: CrossSigningKey | undefined }

interface NewKey extends StoredCrossSigningKey {
  readonly object: JsonObject
}

const usages = ['master', 'self_signing', 'user_signing'] as const

/**
 * Sets cross-signing keys. False where the user has a master key and a key would be new: then the user has to
 * authenticate and the call be repeated with `isAuthorised`. The same keys again need no authentication.
 */
export async function uploadCrossSigning(
  deps: CrossSigningDeps,
  userId: string,
  upload: CrossSigningUpload,
  isAuthorised: boolean,
): Promise<boolean> {
  const keys = parseUpload(upload, userId)
  const before = await deps.db.read((reader) => listCrossSigningKeys(reader, [userId]))
  const master = masterOf(keys, before)
  for (const key of keys) {
    if (key.usage === 'master') continue
    if (!verifyJson(key.object, userId, `ed25519:${master.publicKey}`, master.publicKey)) {
      throw errors.invalidSignature(`The ${key.usage} key is not signed by the master key`)
    }
  }
  return deps.db.write('upload cross-signing keys', async (tx) => {
    const stored = await listCrossSigningKeys(tx, [userId])
    if (masterOf(keys, stored).publicKey !== master.publicKey) {
      throw errors.invalidSignature('The master key has just been replaced')
    }
    await requireUnusedIds(deps.devices, tx, userId, keys)
    const fresh = keys.filter((key) => !stored.some((old) => isSameKey(old, key)))
    if (fresh.length === 0) return true
    if (!isAuthorised && stored.some((key) => key.usage === 'master')) return false
    await replaceKeys(tx, userId, stored, keys)
    await crossSigningChanged(deps, tx, userId)
    return true
  })
}

/** Refuses a device id that is one of the user's public keys: signatures could not tell the two apart. */
export async function checkDeviceId(
  reader: Reader,
  device: { readonly userId: string; readonly deviceId: string },
): Promise<void> {
  const keys = await listCrossSigningKeys(reader, [device.userId])
  if (keys.some((key) => key.publicKey === device.deviceId)) throw errors.forbidden('This device id is not free')
}

function parseUpload(upload: CrossSigningUpload, userId: string): NewKey[] {
  return usages.flatMap((usage) => {
    const key = upload[usage]
    if (!key) return []
    const object = asJson(key)
    return [{ userId, usage, publicKey: checkCrossSigningKey(key, usage, userId), json: canonicalJson(object), object }]
  })
}

function masterOf(keys: readonly NewKey[], stored: readonly StoredCrossSigningKey[]): StoredCrossSigningKey {
  const master = [...keys, ...stored].find((key) => key.usage === 'master')
  if (!master) throw errors.missingParam('There is no master key')
  return master
}

function isSameKey(old: StoredCrossSigningKey, key: NewKey): boolean {
  return old.usage === key.usage && signedPart(JSON.parse(old.json)) === signedPart(key.object)
}

async function requireUnusedIds(
  directory: DeviceDirectory,
  tx: Tx,
  userId: string,
  keys: readonly NewKey[],
): Promise<void> {
  const devices = (await directory.listDeviceNames(tx, [userId])).get(userId)
  if (keys.some((key) => devices?.has(key.publicKey)))
    throw errors.forbidden('The key is the id of one of your devices')
}

/** Stores what was uploaded. What an old master key vouched for counts for nothing under a new one, and goes. */
async function replaceKeys(
  tx: Tx,
  userId: string,
  stored: readonly StoredCrossSigningKey[],
  keys: readonly NewKey[],
): Promise<void> {
  const master = keys.find((key) => key.usage === 'master')
  const hasNewMaster = master !== undefined && !stored.some((old) => old.publicKey === master.publicKey)
  for (const old of stored) {
    const replacement = keys.find((key) => key.usage === old.usage)
    if (replacement ? replacement.publicKey === old.publicKey : !hasNewMaster) continue
    await deleteSignaturesOf(tx, userId, old.publicKey)
    await deleteSignaturesBy(tx, userId, `ed25519:${old.publicKey}`)
    await deleteCrossSigningKey(tx, userId, old.usage)
  }
  for (const key of keys) await upsertCrossSigningKey(tx, key)
}
