import type { Appservice } from '../../accounts/appservices/appservice.ts'
import type { Reader, Tx } from '../../db/database.ts'
import type { E2ee } from '../../e2ee/e2ee.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { receivesAlone } from './device-queue.ts'
import { type Interest, isExclusiveUser } from './interest.ts'
import {
  deleteQueuedKeyCount,
  deleteQueuedMessages,
  listQueuedKeyCounts,
  listQueuedMessages,
} from './store-queued-news.ts'

export interface DeviceSources {
  readonly e2ee: Pick<E2ee, 'keyCounts' | 'changedUsers'> & {
    readonly toDevice: Pick<E2ee['toDevice'], 'get' | 'remove'>
  }
  readonly interest: Interest
}

const maxMessages = 100
const maxMessageBytes = 512 * 1024
const maxDevices = 100
const maxChangedUsers = 500

/** Takes the messages that wait for devices of the service's users out of the queue, in their order. */
export async function takeMessages({ e2ee }: DeviceSources, tx: Tx, service: Appservice): Promise<JsonObject[]> {
  const rows = await listQueuedMessages(tx, service.id, maxMessages)
  const messages: JsonObject[] = []
  let bytes = 0
  let last: number | undefined
  for (const { user_id: userId, device_id: deviceId, stream_pos: position } of rows) {
    const device = { userId, deviceId }
    const message = await e2ee.toDevice.get(tx, device, position)
    bytes += message === undefined ? 0 : Buffer.byteLength(JSON.stringify(message))
    if (bytes > maxMessageBytes && messages.length > 0) break
    last = position
    if (message === undefined) continue
    messages.push({ ...message, to_user_id: userId, to_device_id: deviceId })
    if (receivesAlone(service) && isExclusiveUser(service, userId)) await e2ee.toDevice.remove(tx, device, position)
  }
  if (last !== undefined) await deleteQueuedMessages(tx, service.id, last)
  return messages
}

function receiverOf(message: JsonObject): { userId: string; deviceId: string } {
  return { userId: String(message.to_user_id), deviceId: String(message.to_device_id) }
}

type ByDevice<T> = Record<string, Record<string, T>>

/** What is left of the keys of devices that some were taken from, and of those that `messages` go to. */
export async function takeKeyCounts(
  { e2ee }: DeviceSources,
  tx: Tx,
  service: Appservice,
  messages: readonly JsonObject[],
): Promise<{ oneTime: ByDevice<JsonObject>; unusedFallback: ByDevice<string[]> } | undefined> {
  const queued = await listQueuedKeyCounts(tx, service.id, maxDevices)
  const receivers = service.registration.receivesDeviceNews ? messages.map(receiverOf) : []
  const oneTime: ByDevice<JsonObject> = {}
  const unusedFallback: ByDevice<string[]> = {}
  for (const { userId, deviceId } of [...queued, ...receivers]) {
    const counts = await e2ee.keyCounts(tx, userId, deviceId)
    oneTime[userId] = { ...oneTime[userId], [deviceId]: counts.oneTimeKeys }
    unusedFallback[userId] = { ...unusedFallback[userId], [deviceId]: counts.unusedFallback }
  }
  for (const device of queued) await deleteQueuedKeyCount(tx, service.id, device)
  return Object.keys(oneTime).length === 0 ? undefined : { oneTime, unusedFallback }
}

/** Users whose devices changed after a position, as far as they concern the service, and how far that goes. */
export async function listChangedDevices(
  { e2ee, interest }: DeviceSources,
  reader: Reader,
  service: Appservice,
  after: number,
): Promise<{ changed: string[]; upTo: number }> {
  if (!service.registration.receivesDeviceNews) return { changed: [], upTo: after }
  const users = await e2ee.changedUsers(reader, after, maxChangedUsers)
  const changed: string[] = []
  for (const { userId } of users) if (await interest.isUser(reader, service, userId)) changed.push(userId)
  return { changed, upTo: users.at(-1)?.position ?? after }
}
