import type { Reader } from '../db/database.ts'
import type { Requester } from '../http/endpoint.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { UserId } from '../matrix/ids.ts'
import type { StreamToken } from '../matrix/stream-token.ts'
import type { SyncPorts } from './ports.ts'
import type { SyncResponse, Window } from './types.ts'

const maxToDevice = 100

export interface DeviceParts {
  readonly lists: SyncResponse['device_lists']
  readonly events: JsonObject[]
  readonly counts: Partial<SyncResponse>
  /** How far the device has got with to-device messages, where one answer did not hold them all. */
  readonly lagging: number | undefined
  /** Whether messages that the device has received wait to be deleted. */
  readonly received: boolean
}

/** What concerns the encryption of the device that asks. */
export async function deviceParts(
  { e2ee, userNews }: Pick<SyncPorts, 'e2ee' | 'userNews'>,
  reader: Reader,
  { userId, deviceId }: Requester,
  token: StreamToken | undefined,
  { since, to }: Window,
): Promise<DeviceParts> {
  const lists =
    since === undefined ? undefined : await readDeviceLists({ e2ee, userNews }, reader, userId, { since, to })
  if (deviceId === undefined) return { lists, events: [], counts: {}, lagging: undefined, received: false }
  const range = { since: token?.toDevice ?? token?.position ?? 0, to, limit: maxToDevice }
  const inbox = await e2ee.listToDevice(reader, userId, deviceId, range)
  const { oneTimeKeys, unusedFallback } = await e2ee.keyCounts(reader, userId, deviceId)
  return {
    lists,
    events: inbox.events,
    counts: {
      device_one_time_keys_count: oneTimeKeys,
      device_unused_fallback_key_types: unusedFallback,
      'org.matrix.msc2732.device_unused_fallback_key_types': unusedFallback,
    },
    lagging: inbox.more ? inbox.upTo : undefined,
    received: inbox.received,
  }
}

/** Whose keys have changed in `(since, to]`, and who shares no room any more. */
export async function readDeviceLists(
  { e2ee, userNews }: Pick<SyncPorts, 'e2ee' | 'userNews'>,
  reader: Reader,
  userId: UserId,
  { since, to }: { since: number; to: number },
): Promise<{ changed: string[]; left: string[] }> {
  if (userNews.areAllQuiet(since, to)) return { changed: [], left: [] }
  return e2ee.deviceLists(reader, userId, since, to)
}
