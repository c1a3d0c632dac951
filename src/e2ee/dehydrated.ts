import type { Database, Tx } from '../db/database.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import { type ChangeDeps, deviceChanged, setDeviceKeys } from './device-keys.ts'
import type { NamedKey } from './key-format.ts'
import { addKeys } from './one-time-keys.ts'
import type { DeviceDirectory } from './ports.ts'
import { removeDevice } from './remove-devices.ts'
import { deleteDehydrated, getDehydrated, insertDehydrated } from './store-dehydrated.ts'
import { listMessages } from './store-to-device.ts'

export interface DehydratedDeps extends ChangeDeps {
  readonly db: Database
  readonly devices: DeviceDirectory
}

export interface NewDehydrated {
  readonly deviceId: string
  readonly displayName: string | undefined
  readonly deviceData: JsonObject
  /** Canonical JSON. */
  readonly deviceKeys: string
  readonly oneTime: readonly NamedKey[]
  readonly fallback: readonly NamedKey[]
}

/** The one device of a user that receives keys while no client runs: https://github.com/matrix-org/matrix-spec-proposals/pull/3814 */
export interface DehydratedDevices {
  /** Replaces the one before. Throws `M_INVALID_PARAM` where a device of that id is logged in. */
  put(userId: string, device: NewDehydrated): Promise<void>
  /** Throws `M_NOT_FOUND` where there is none. */
  get(userId: string): Promise<{ deviceId: string; deviceData: JsonObject }>
  /** Returns the id of the removed device; throws `M_NOT_FOUND` where there is none. */
  remove(userId: string): Promise<string>
  /** Messages after a position, which stay where they are. Throws `M_FORBIDDEN` for another device. */
  listEvents(userId: string, deviceId: string, after: number): Promise<{ events: JsonObject[]; position: number }>
}

const pageLimit = 100

export function createDehydratedDevices(deps: DehydratedDeps): DehydratedDevices {
  const { db } = deps
  return {
    put: (userId, device) =>
      db.write('put dehydrated device', async (tx) => {
        const known = (await deps.devices.listDeviceNames(tx, [userId])).get(userId)
        if (known?.has(device.deviceId)) throw errors.invalidParam('A device of that id is logged in')
        const ref = { userId, deviceId: device.deviceId }
        await removeDehydrated(deps, tx, userId)
        await insertDehydrated(tx, {
          ...ref,
          displayName: device.displayName,
          deviceData: JSON.stringify(device.deviceData),
        })
        await addKeys(tx, ref, device)
        await setDeviceKeys(deps, tx, ref, device.deviceKeys)
      }),
    get: (userId) =>
      db.read(async (reader) => {
        const device = await getDehydrated(reader, userId)
        if (!device) throw noDevice()
        return { deviceId: device.deviceId, deviceData: JSON.parse(device.deviceData) }
      }),
    remove: (userId) =>
      db.write('delete dehydrated device', async (tx) => {
        const deviceId = await removeDehydrated(deps, tx, userId)
        if (deviceId === undefined) throw noDevice()
        return deviceId
      }),
    listEvents: (userId, deviceId, after) =>
      db.read(async (reader) => {
        const device = await getDehydrated(reader, userId)
        if (device?.deviceId !== deviceId) throw errors.forbidden('This is not your dehydrated device')
        const range = { after, upTo: Number.MAX_SAFE_INTEGER, limit: pageLimit }
        const rows = await listMessages(reader, { userId, deviceId }, range)
        return { events: rows.map((row) => JSON.parse(row.json)), position: rows.at(-1)?.stream_pos ?? after }
      }),
  }
}

/** Returns the id of the removed device, undefined where there was none. */
export async function removeDehydrated(deps: ChangeDeps, tx: Tx, userId: string): Promise<string | undefined> {
  const device = await getDehydrated(tx, userId)
  if (!device) return undefined
  await deleteDehydrated(tx, userId)
  if (await removeDevice(tx, device)) {
    await deviceChanged(deps, tx, { userId, deviceId: device.deviceId, deleted: true })
  }
  return device.deviceId
}

function noDevice(): Error {
  return errors.notFound('There is no dehydrated device')
}
