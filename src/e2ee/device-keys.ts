import type { Tx } from '../db/database.ts'
import type { Streams } from '../db/streams.ts'
import { canonicalJson } from '../matrix/canonical-json.ts'
import type { Json } from '../matrix/event.ts'
import { markChanged } from './device-lists.ts'
import { signedPart } from './key-format.ts'
import type { E2eeHook } from './ports.ts'
import { removePrekeys } from './remove-devices.ts'
import { deleteSignaturesOf } from './store-cross-signing.ts'
import { getDeviceKeys, upsertDeviceKeys } from './store-device-keys.ts'

export interface ChangeDeps {
  readonly streams: Streams
  readonly hooks: readonly E2eeHook[]
}

/** Sets a device's identity keys (canonical JSON) and tells whoever shares a room. The same keys again change nothing. */
export async function setDeviceKeys(
  deps: ChangeDeps,
  tx: Tx,
  device: { userId: string; deviceId: string },
  json: string,
): Promise<void> {
  const { userId, deviceId } = device
  const before = await getDeviceKeys(tx, userId, deviceId)
  if (before === json) return
  if (before !== undefined) {
    const [old, fresh] = [JSON.parse(before), JSON.parse(json)]
    if (signedPart(old) !== signedPart(fresh)) await deleteSignaturesOf(tx, userId, deviceId)
    // Prekeys belong to the identity: nobody could start a session with them.
    if (identityOf(old) !== identityOf(fresh)) await removePrekeys(tx, device)
  }
  await upsertDeviceKeys(tx, userId, deviceId, json)
  await deviceChanged(deps, tx, { ...device, deleted: false })
}

/** Tells the hooks and whoever shares a room with the user about a change of one device. */
export async function deviceChanged(
  deps: ChangeDeps,
  tx: Tx,
  change: { userId: string; deviceId: string; deleted: boolean },
): Promise<void> {
  const position = await markChanged(deps, tx, change.userId)
  for (const hook of deps.hooks) await hook.deviceChanged?.(tx, { ...change, position })
}

/** Tells the hooks and whoever shares a room with the user about new cross-signing keys, or new signatures of them. */
export async function crossSigningChanged(deps: ChangeDeps, tx: Tx, userId: string): Promise<void> {
  const position = await markChanged(deps, tx, userId)
  for (const hook of deps.hooks) await hook.crossSigningChanged?.(tx, { userId, position })
}

function identityOf(keys: { keys: Json }): string {
  return canonicalJson(keys.keys)
}
