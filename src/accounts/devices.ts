import type { Database, Reader, Tx } from '../db/database.ts'
import { errors } from '../matrix/errors.ts'
import { isDeviceId, type UserId } from '../matrix/ids.ts'
import type { Clock } from '../util/clock.ts'
import type { AccountHooks } from './hooks.ts'
import type { LastSeen } from './last-seen.ts'
import { getDeviceRow, insertDevice, listDeviceNames, listDeviceRows, renameDevice } from './store-devices.ts'
import type { Device } from './types.ts'

const maxNameLength = 100

export interface Devices {
  get(reader: Reader, userId: UserId, deviceId: string): Promise<Device | undefined>
  list(reader: Reader, userId: UserId): Promise<Device[]>
  /** Display names by user and device. Users that do not exist here are absent; those without devices have an empty map. */
  listDeviceNames(reader: Reader, userIds: readonly string[]): Promise<Map<string, Map<string, string | undefined>>>
  /** Renames a device. Throws `M_NOT_FOUND`. */
  rename(userId: UserId, deviceId: string, name: string): Promise<void>
  /** Makes a device without a session, for an application service; true where it is new, else it is renamed. */
  put(userId: UserId, deviceId: string, name: string | undefined): Promise<boolean>
}

export interface DevicesDeps {
  readonly db: Database
  readonly clock: Clock
  readonly hooks: AccountHooks
  readonly lastSeen: LastSeen
}

export function createDevices({ db, clock, hooks, lastSeen }: DevicesDeps): Devices {
  const withLastSeen = (userId: UserId) => (device: Device) => {
    const seen = lastSeen.pending(userId, device.deviceId)
    return seen ? { ...device, lastSeenTs: seen.ts, lastSeenIp: seen.ip, lastSeenUserAgent: seen.userAgent } : device
  }

  async function rename(tx: Tx, userId: UserId, deviceId: string, name: string): Promise<boolean> {
    if ([...name].length > maxNameLength) {
      throw errors.invalidParam(`A device name has at most ${maxNameLength} characters`)
    }
    const before = await getDeviceRow(tx, userId, deviceId)
    if (!before) return false
    if (before.displayName === name) return true
    await renameDevice(tx, userId, deviceId, name)
    for (const hook of hooks.deviceRename) await hook(tx, { userId, deviceId: before.deviceId })
    return true
  }

  return {
    get: async (reader, userId, deviceId) => {
      const device = await getDeviceRow(reader, userId, deviceId)
      return device && withLastSeen(userId)(device)
    },
    list: async (reader, userId) => (await listDeviceRows(reader, userId)).map(withLastSeen(userId)),
    listDeviceNames,
    rename: async (userId, deviceId, name) => {
      const found = await db.write('rename device', (tx) => rename(tx, userId, deviceId, name))
      if (!found) throw errors.notFound('There is no such device')
    },
    put: (userId, deviceId, name) =>
      db.write('put device', async (tx) => {
        if (!isDeviceId(deviceId)) throw errors.invalidParam('A device id has 1 to 255 bytes')
        const device = { userId, deviceId, displayName: name, createdTs: clock.now() }
        for (const check of hooks.deviceIdCheck) await check(tx, { userId, deviceId })
        if (await insertDevice(tx, device)) return true
        if (name !== undefined) await rename(tx, userId, deviceId, name)
        return false
      }),
  }
}
