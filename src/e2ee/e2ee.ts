import type { Database, Reader, Tx } from '../db/database.ts'
import type { Streams } from '../db/streams.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import { isUserId, type ServerName, serverOf } from '../matrix/ids.ts'
import type { Clock } from '../util/clock.ts'
import { type CrossSigningUpload, checkDeviceId, uploadCrossSigning } from './cross-signing.ts'
import { createDehydratedDevices, type DehydratedDevices, removeDehydrated } from './dehydrated.ts'
import { deviceChanged, setDeviceKeys } from './device-keys.ts'
import { type DeviceListUpdates, listDeviceLists, markChanged } from './device-lists.ts'
import { createKeyBackup, type KeyBackup } from './key-backup.ts'
import type { NamedKey } from './key-format.ts'
import type { Nested } from './nested.ts'
import { addKeys, claimKeys, getCounts } from './one-time-keys.ts'
import type { DeviceDirectory, E2eeHook, QueriedKeys, RemoteKeys } from './ports.ts'
import { queryLocalKeys } from './query-keys.ts'
import { type ClaimAnswer, claimEverywhere, type QueryAnswer, queryEverywhere } from './remote-keys.ts'
import { removeDevice } from './remove-devices.ts'
import { uploadSignatures } from './signatures.ts'
import { deleteCrossSigningKeys } from './store-cross-signing.ts'
import { hasDeviceKeys } from './store-device-keys.ts'
import { getLastChange, listChangedUsers } from './store-device-lists.ts'
import { deleteBackups } from './store-key-backup.ts'
import type { KeyCounts } from './store-key-counts.ts'
import { createToDevice, type ToDevice, type ToDevicePage } from './to-device.ts'

export interface E2eeDeps {
  readonly db: Database
  readonly streams: Streams
  readonly clock: Clock
  readonly serverName: ServerName
  readonly devices: DeviceDirectory
}

interface DeviceRef {
  readonly userId: string
  readonly deviceId: string
}

export interface KeyUpload {
  /** Canonical JSON. */
  readonly deviceKeys: string | undefined
  readonly oneTime: readonly NamedKey[]
  readonly fallback: readonly NamedKey[]
}

export interface E2ee {
  /** Adds keys of a device; returns the number of its unclaimed one-time keys by algorithm. */
  uploadKeys(device: DeviceRef, keys: KeyUpload): Promise<Record<string, number>>
  /** Keys of users here and elsewhere as `viewer` may see them; an empty list of devices stands for all. */
  queryKeys(viewer: string, wanted: ReadonlyMap<string, readonly string[]>, timeoutMs: number): Promise<QueryAnswer>
  /** Claims a key of each wanted user, device and algorithm, here and elsewhere. */
  claimKeys(wanted: Nested<string>, timeoutMs: number): Promise<ClaimAnswer>
  /** For other servers: keys of our own users, without what only those may see. */
  queryLocalKeys(reader: Reader, wanted: ReadonlyMap<string, readonly string[]>): Promise<QueriedKeys>
  claimLocalKeys(tx: Tx, wanted: Nested<string>): Promise<Nested<JsonObject>>
  /** False where the user has to authenticate first: then call it again with `isAuthorised`. */
  uploadCrossSigning(userId: string, upload: CrossSigningUpload, isAuthorised: boolean): Promise<boolean>
  /** Returns the errors of refused signatures by user id and key id. */
  uploadSignatures(
    userId: string,
    upload: Nested<JsonObject>,
  ): Promise<{ [userId: string]: { [keyId: string]: JsonObject } }>
  /** Device lists that changed after `since`; what has changed up to now is included, even beyond `to`. */
  deviceLists(reader: Reader, userId: string, since: number, to: number): Promise<DeviceListUpdates>
  /** Users whose devices or keys changed after a stream position, as far as others see that, with the last change of each. */
  changedUsers(reader: Reader, after: number, limit: number): Promise<{ userId: string; position: number }[]>
  keyCounts(reader: Reader, userId: string, deviceId: string): Promise<KeyCounts>
  listToDevice(
    reader: Reader,
    userId: string,
    deviceId: string,
    range: { since: number; to: number; limit: number },
  ): Promise<ToDevicePage>
  acknowledgeToDevice(userId: string, deviceId: string, upTo: number): Promise<void>
  readonly toDevice: ToDevice
  readonly keyBackup: KeyBackup
  readonly dehydrated: DehydratedDevices
  /** Records that the keys of a user, here or elsewhere, changed. Takes a stream position and returns it. */
  markChanged(tx: Tx, userId: string): Promise<number>
  /** The stream position of the last change of a user's keys, as others see them; 0: there was none. */
  lastChange(reader: Reader, userId: string): Promise<number>
  /** To be called where accounts end a session: removes what the device had. */
  deviceRemoved(tx: Tx, device: DeviceRef): Promise<void>
  deviceRenamed(tx: Tx, device: DeviceRef): Promise<void>
  /** Removes what no device of a user needs any more: cross-signing keys, backups and the dehydrated device. */
  userDeactivated(tx: Tx, user: { readonly userId: string }): Promise<void>
  /** Throws where a new device id would be one of the user's public keys. */
  checkDeviceId(reader: Reader, device: DeviceRef): Promise<void>
  addHook(hook: E2eeHook): void
  /** Supplies the keys of users on other servers; until then such servers count as unreachable. */
  useRemote(remote: RemoteKeys): void
}

export function createE2ee({ db, streams, clock, serverName, devices }: E2eeDeps): E2ee {
  const hooks: E2eeHook[] = []
  let remote: RemoteKeys | undefined
  const changes = { streams, hooks }
  const toDevice = createToDevice({ db, streams, clock, serverName, devices, hooks })
  const isLocal = (userId: string) => isUserId(userId) && serverOf(userId) === serverName
  const everywhere = { db, devices, serverName, hooks, remote: () => remote }

  return {
    uploadKeys: (device, keys) =>
      db.write('upload keys', async (tx) => {
        const known = (await devices.listDeviceNames(tx, [device.userId])).get(device.userId)
        if (!known?.has(device.deviceId)) throw errors.unknownDevice()
        await addKeysOf(tx, device, keys)
        return (await getCounts(tx, device)).oneTimeKeys
      }),
    queryKeys: (viewer, wanted, timeoutMs) => queryEverywhere(everywhere, viewer, wanted, timeoutMs),
    claimKeys: (wanted, timeoutMs) => claimEverywhere(everywhere, wanted, timeoutMs),
    queryLocalKeys: (reader, wanted) => queryLocalKeys(devices, reader, '', wanted),
    claimLocalKeys: (tx, wanted) => claimKeys(hooks, tx, wanted),
    uploadCrossSigning: (userId, upload, isAuthorised) =>
      uploadCrossSigning({ db, devices, ...changes }, userId, upload, isAuthorised),
    uploadSignatures: (userId, upload) =>
      uploadSignatures({ db, isLocal, ...changes, remoteMasterKeys }, userId, upload),
    deviceLists: (reader, userId, since) => listDeviceLists(reader, userId, since),
    changedUsers: listChangedUsers,
    keyCounts: (reader, userId, deviceId) => getCounts(reader, { userId, deviceId }),
    listToDevice: toDevice.list,
    acknowledgeToDevice: toDevice.acknowledge,
    toDevice,
    keyBackup: createKeyBackup({ db }),
    dehydrated: createDehydratedDevices({ db, devices, ...changes }),
    markChanged: (tx, userId) => markChanged({ streams }, tx, userId),
    lastChange: getLastChange,
    deviceRemoved: async (tx, device) => {
      if (await removeDevice(tx, device)) await deviceChanged(changes, tx, { ...device, deleted: true })
    },
    deviceRenamed: async (tx, device) => {
      if (await hasDeviceKeys(tx, device.userId, device.deviceId)) {
        await deviceChanged(changes, tx, { ...device, deleted: false })
      }
    },
    userDeactivated: async (tx, { userId }) => {
      await removeDehydrated(changes, tx, userId)
      await deleteCrossSigningKeys(tx, userId)
      await deleteBackups(tx, userId)
    },
    checkDeviceId,
    addHook: (hook) => void hooks.push(hook),
    useRemote: (next) => {
      remote = next
    },
  }

  async function addKeysOf(tx: Tx, device: DeviceRef, keys: KeyUpload): Promise<void> {
    // New identity keys remove the prekeys of old ones, so that they come first.
    if (keys.deviceKeys !== undefined) await setDeviceKeys(changes, tx, device, keys.deviceKeys)
    await addKeys(tx, device, keys)
  }

  async function remoteMasterKeys(userIds: readonly string[]): Promise<ReadonlyMap<string, JsonObject>> {
    if (userIds.length === 0) return new Map()
    const wanted = new Map(userIds.map((userId) => [userId, []]))
    const { master_keys: keys } = await queryEverywhere(everywhere, '', wanted, 10_000)
    return new Map(Object.entries(keys))
  }
}
