import type { Tx } from '../db/database.ts'
import { deleteSignaturesBy, deleteSignaturesOf } from './store-cross-signing.ts'
import { deleteDeviceKeys } from './store-device-keys.ts'
import { deleteFallbackKeys } from './store-fallback-keys.ts'
import { deleteKeyCounts } from './store-key-counts.ts'
import { deleteOneTimeKeys } from './store-one-time-keys.ts'
import { deleteMessages, deleteTransactionsOf } from './store-to-device.ts'

interface DeviceRef {
  readonly userId: string
  readonly deviceId: string
}

/** Removes all that we hold for a device. True where it had identity keys, so that others have to be told. */
export async function removeDevice(tx: Tx, device: DeviceRef): Promise<boolean> {
  const { userId, deviceId } = device
  await removePrekeys(tx, device)
  await deleteMessages(tx, device, Number.MAX_SAFE_INTEGER)
  await deleteTransactionsOf(tx, device)
  await deleteSignaturesOf(tx, userId, deviceId)
  await deleteSignaturesBy(tx, userId, `ed25519:${deviceId}`)
  return deleteDeviceKeys(tx, userId, deviceId)
}

/** Removes the one-time and fallback keys of a device, which are of no use without its identity keys. */
export async function removePrekeys(tx: Tx, device: DeviceRef): Promise<void> {
  await deleteOneTimeKeys(tx, device)
  await deleteFallbackKeys(tx, device)
  await deleteKeyCounts(tx, device)
}
