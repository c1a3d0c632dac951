import { canonicalJson } from '../../../matrix/canonical-json.ts'
import type { Json, JsonObject } from '../../../matrix/event.ts'
import type { RemoteDeviceList } from '../../client/requests-keys.ts'
import type { RemoteDeviceRow, RemoteListRow } from './store-remote-devices.ts'

/** A user's devices and cross-signing keys, as they are kept. */
export interface ListContent {
  readonly devices: readonly RemoteDeviceRow[]
  readonly masterKey: string | null
  readonly selfSigningKey: string | null
}

const maxDevices = 1000
const maxBytes = 65_536

/** The key object as text; null where it is none of that user, or too large. */
export function keptKey(userId: string, key: JsonObject | null | undefined): string | null {
  if (!key || key.user_id !== userId) return null
  const json = canonicalOf(key)
  return json !== undefined && json.length <= maxBytes ? json : null
}

/** The keys of a device as they are kept; undefined where they are not of that device, or too large. */
export function keptDevice(
  userId: string,
  device: { device_id: string; keys?: JsonObject | null | undefined; device_display_name?: string | null | undefined },
): RemoteDeviceRow | undefined {
  const { device_id: deviceId, keys, device_display_name: name } = device
  if (keys?.device_id !== deviceId || deviceId.length > 255) return undefined
  const { unsigned: _unsigned, ...signed } = keys
  const json = keptKey(userId, signed)
  return json === null
    ? undefined
    : { user_id: userId, device_id: deviceId, display_name: name?.slice(0, 255) ?? null, json }
}

export function contentOf(userId: string, list: RemoteDeviceList): ListContent {
  return {
    devices: list.devices.slice(0, maxDevices).flatMap((device) => keptDevice(userId, device) ?? []),
    masterKey: keptKey(userId, list.master_key),
    selfSigningKey: keptKey(userId, list.self_signing_key),
  }
}

export function isSameContent(list: RemoteListRow, rows: readonly RemoteDeviceRow[], fresh: ListContent): boolean {
  const text = (devices: readonly RemoteDeviceRow[]) =>
    JSON.stringify(devices.map((row) => [row.device_id, row.display_name, row.json]).sort())
  return (
    list.master_key === fresh.masterKey &&
    list.self_signing_key === fresh.selfSigningKey &&
    text(rows) === text(fresh.devices)
  )
}

/** Undefined for numbers that canonical JSON does not know. */
function canonicalOf(value: Json): string | undefined {
  try {
    return canonicalJson(value)
  } catch {
    return undefined
  }
}
