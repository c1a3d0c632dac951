import { z } from 'zod'
import type { JsonObject } from '../../matrix/event.ts'
import type { ServerName } from '../../matrix/ids.ts'
import { nullAsEmptyList, nullAsEmptyObject } from '../../matrix/null-as-empty.ts'
import type { FederationTransport } from './ports.ts'

const keyObject = z.record(z.string(), z.json())
const byUser = nullAsEmptyObject(z.record(z.string(), keyObject)).default({})
const byDevice = nullAsEmptyObject(z.record(z.string(), nullAsEmptyObject(z.record(z.string(), keyObject)))).default({})

const keysAnswer = z.object({ device_keys: byDevice, master_keys: byUser, self_signing_keys: byUser })

export type RemoteUserKeys = z.output<typeof keysAnswer>

/** The keys of users of that server; an empty list stands for all devices. https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1userkeysquery */
export function queryUserKeys(
  transport: FederationTransport,
  destination: ServerName,
  wanted: ReadonlyMap<string, readonly string[]>,
  timeoutMs: number,
): Promise<RemoteUserKeys> {
  const devices = Object.fromEntries([...wanted].map(([userId, ids]) => [userId, [...ids]]))
  const path = '/_matrix/federation/v1/user/keys/query'
  const body = { device_keys: devices }
  return transport.request({ destination, method: 'POST', path, body, timeoutMs, answer: keysAnswer })
}

const claimAnswer = z.object({ one_time_keys: byDevice })

/** Claims one-time keys: algorithms by user and device. https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1userkeysclaim */
export async function claimUserKeys(
  transport: FederationTransport,
  destination: ServerName,
  wanted: { readonly [userId: string]: { readonly [deviceId: string]: string } },
  timeoutMs: number,
): Promise<{ [userId: string]: { [deviceId: string]: JsonObject } }> {
  const path = '/_matrix/federation/v1/user/keys/claim'
  const body = { one_time_keys: wanted } as JsonObject
  const answer = await transport.request({ destination, method: 'POST', path, body, timeoutMs, answer: claimAnswer })
  return answer.one_time_keys
}

const devicesAnswer = z.object({
  stream_id: z.int(),
  devices: nullAsEmptyList(
    z.array(z.object({ device_id: z.string(), keys: keyObject.nullish(), device_display_name: z.string().nullish() })),
  ),
  master_key: keyObject.nullish(),
  self_signing_key: keyObject.nullish(),
})

export type RemoteDeviceList = z.output<typeof devicesAnswer>

/** All devices of a user of that server. https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1userdevicesuserid */
export function getUserDevices(
  transport: FederationTransport,
  destination: ServerName,
  userId: string,
  signal: AbortSignal,
): Promise<RemoteDeviceList> {
  const path = `/_matrix/federation/v1/user/devices/${encodeURIComponent(userId)}`
  return transport.request({ destination, method: 'GET', path, signal, answer: devicesAnswer })
}
