import type { Reader } from '../db/database.ts'
import type { JsonObject } from '../matrix/event.ts'
import { createYielder } from '../util/async.ts'
import type { DeviceDirectory, QueriedKeys } from './ports.ts'
import { type KeySignature, listCrossSigningKeys, listKeySignatures } from './store-cross-signing.ts'
import { getDehydratedNames } from './store-dehydrated.ts'
import { listDeviceKeys } from './store-device-keys.ts'

const chunk = 100

interface SignedKeys {
  signatures?: { [signer: string]: { [keyId: string]: string } }
  unsigned?: { device_display_name?: string }
}

function emptyAnswer(): QueriedKeys {
  return { device_keys: {}, master_keys: {}, self_signing_keys: {}, user_signing_keys: {} }
}

/**
 * The keys of our own users as `viewer` may see them, with the signatures that were added later. An empty list of devices
 * stands for all; users who do not exist are absent.
 */
export async function queryLocalKeys(
  directory: DeviceDirectory,
  reader: Reader,
  viewer: string,
  wanted: ReadonlyMap<string, readonly string[]>,
): Promise<QueriedKeys> {
  const answer = emptyAnswer()
  const userIds = [...wanted.keys()]
  const pause = createYielder()
  for (let i = 0; i < userIds.length; i += chunk) {
    await pause()
    await queryChunk(directory, reader, viewer, { answer, wanted, userIds: userIds.slice(i, i + chunk) })
  }
  return answer
}

async function queryChunk(
  directory: DeviceDirectory,
  reader: Reader,
  viewer: string,
  {
    answer,
    wanted,
    userIds,
  }: { answer: QueriedKeys; wanted: ReadonlyMap<string, readonly string[]>; userIds: string[] },
): Promise<void> {
  const names = await directory.listDeviceNames(reader, userIds)
  const dehydrated = await getDehydratedNames(reader, userIds)
  const signatures = groupSignatures(await listKeySignatures(reader, userIds, viewer))
  // Own keys even for a user without devices: the client has to see that there are none.
  for (const userId of names.keys()) setOwn(answer.device_keys, userId, {})
  for (const row of await listDeviceKeys(reader, userIds)) {
    const devices = wanted.get(row.user_id) ?? []
    const found = answer.device_keys[row.user_id]
    if (found === undefined || (devices.length > 0 && !devices.includes(row.device_id))) continue
    const name = names.get(row.user_id)?.get(row.device_id) ?? dehydrated.get(row.user_id)?.get(row.device_id)
    const keys = withSignatures(row.json, signatures.get(`${row.user_id}\0${row.device_id}`))
    keys.unsigned = name === undefined ? {} : { device_display_name: name }
    setOwn(found, row.device_id, keys as JsonObject)
  }
  for (const key of await listCrossSigningKeys(reader, userIds)) {
    if (key.usage === 'user_signing' && key.userId !== viewer) continue
    const signed = withSignatures(key.json, signatures.get(`${key.userId}\0${key.publicKey}`))
    setOwn(answer[`${key.usage}_keys`], key.userId, signed as JsonObject)
  }
}

/** Signatures by user id and key id, joined by what neither can contain. */
function groupSignatures(signatures: readonly KeySignature[]): Map<string, KeySignature[]> {
  return Map.groupBy(signatures, ({ userId, keyId }) => `${userId}\0${keyId}`)
}

function withSignatures(json: string, added: readonly KeySignature[] = []): SignedKeys {
  const keys: SignedKeys = JSON.parse(json)
  if (added.length === 0) return keys
  const signatures = { ...keys.signatures }
  for (const { signerUserId, signerKeyId, signature } of added) {
    signatures[signerUserId] = { ...signatures[signerUserId], [signerKeyId]: signature }
  }
  return { ...keys, signatures }
}

/** Clients choose device ids; even `__proto__` becomes a key like others. */
function setOwn<T>(target: { [key: string]: T }, key: string, value: T): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
}
