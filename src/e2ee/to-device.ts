import type { Database, Reader, Tx } from '../db/database.ts'
import type { Streams } from '../db/streams.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import { isUserId, type ServerName, serverOf, type UserId } from '../matrix/ids.ts'
import { createYielder } from '../util/async.ts'
import type { Clock } from '../util/clock.ts'
import type { Nested } from './nested.ts'
import type { DeviceDirectory, E2eeHook } from './ports.ts'
import { getDehydratedNames } from './store-dehydrated.ts'
import {
  deleteMessage,
  deleteMessages,
  deleteTransactionsBefore,
  getMessage,
  insertMessage,
  insertTransaction,
  listMessages,
} from './store-to-device.ts'

export interface ToDeviceDeps {
  readonly db: Database
  readonly streams: Streams
  readonly clock: Clock
  readonly serverName: ServerName
  readonly devices: DeviceDirectory
  readonly hooks: readonly E2eeHook[]
}

interface DeviceRef {
  readonly userId: string
  readonly deviceId: string
}

/** A message for devices of our users. Contents by user and device; the device may be `*`. */
export interface ToDeviceMessage {
  readonly sender: UserId
  readonly type: string
  readonly messages: Nested<JsonObject>
}

export interface ToDevicePage {
  readonly events: JsonObject[]
  /** The position of the last of them. */
  readonly upTo: number | undefined
  /** Whether the limit has cut the page short. */
  readonly more: boolean
  /** Whether messages up to `since`, which the device has received, are still stored and wait to be acknowledged. */
  readonly received: boolean
}

export interface ToDevice {
  /**
   * Sends to devices here and elsewhere, once for each transaction id of a device and type. Unknown devices are passed
   * over. Throws `M_INVALID_PARAM` for what is not a user id.
   */
  send(message: ToDeviceMessage, from: { deviceId: string | undefined; txnId: string }): Promise<void>
  /** Puts a message into the inboxes of our users' devices, in a write of the caller's. Users elsewhere are passed over. */
  deliver(tx: Tx, message: ToDeviceMessage): Promise<void>
  /** Up to `limit` messages in the stream positions `(since, to]`, oldest first. */
  list(
    reader: Reader,
    userId: string,
    deviceId: string,
    range: { since: number; to: number; limit: number },
  ): Promise<ToDevicePage>
  /** The message that a device was sent at a stream position; undefined where the device has received it. */
  get(reader: Reader, device: DeviceRef, position: number): Promise<JsonObject | undefined>
  /** Takes one message out of the inbox. */
  remove(tx: Tx, device: DeviceRef, position: number): Promise<void>
  /** Forgets what the device has received: everything up to this position. */
  acknowledge(userId: string, deviceId: string, upTo: number): Promise<void>
}

const transactionLifetime = 24 * 3_600_000
const sweepInterval = 3_600_000

export function createToDevice(deps: ToDeviceDeps): ToDevice {
  let nextSweep = 0

  async function send(message: ToDeviceMessage, from: { deviceId: string | undefined; txnId: string }): Promise<void> {
    const { local, remote } = splitByServer(deps.serverName, message.messages)
    const sender = { userId: message.sender, deviceId: from.deviceId ?? '' }
    await deps.db.write('send to devices', async (tx) => {
      const now = deps.clock.now()
      if (!(await insertTransaction(tx, sender, { type: message.type, txnId: from.txnId, ts: now }))) return
      if (now >= nextSweep) {
        nextSweep = now + sweepInterval
        await deleteTransactionsBefore(tx, now - transactionLifetime)
      }
      if (remote.size > 0) {
        for (const hook of deps.hooks) await hook.remoteToDevice?.(tx, { ...message, messages: remote })
      }
      await deliver(tx, { ...message, messages: local })
    })
  }

  async function deliver(tx: Tx, { sender, type, messages }: ToDeviceMessage): Promise<void> {
    const targets = await expand(deps.devices, tx, messages)
    if (targets.length === 0) return
    const last = await deps.streams.allocate(tx, targets.length)
    let position = last - targets.length
    const pause = createYielder()
    for (const { device, content } of targets) {
      await pause()
      position++
      await insertMessage(tx, device, position, JSON.stringify({ type, sender, content }))
      for (const hook of deps.hooks) await hook.toDevice?.(tx, { ...device, position })
    }
    deps.streams.notify(tx, { users: [...new Set(targets.map(({ device }) => device.userId))] })
  }

  return {
    send,
    deliver,
    list: async (reader, userId, deviceId, { since, to, limit }) => {
      const device = { userId, deviceId }
      let rows = await listMessages(reader, device, { after: 0, upTo: to, limit: limit + 1 })
      const received = rows.some((row) => row.stream_pos <= since)
      if (received) rows = await listMessages(reader, device, { after: since, upTo: to, limit: limit + 1 })
      const page = rows.slice(0, limit)
      return {
        events: page.map((row) => JSON.parse(row.json)),
        upTo: page.at(-1)?.stream_pos,
        more: rows.length > limit,
        received,
      }
    },
    get: async (reader, device, position) => {
      const json = await getMessage(reader, device, position)
      return json === undefined ? undefined : (JSON.parse(json) as JsonObject)
    },
    remove: deleteMessage,
    acknowledge: (userId, deviceId, upTo) =>
      deps.db.write('acknowledge to-device', (tx) => deleteMessages(tx, { userId, deviceId }, upTo)),
  }
}

function splitByServer(
  serverName: ServerName,
  messages: Nested<JsonObject>,
): { local: Nested<JsonObject>; remote: Nested<JsonObject> } {
  const local: Nested<JsonObject> = new Map()
  const remote: Nested<JsonObject> = new Map()
  for (const [userId, devices] of messages) {
    if (!isUserId(userId)) throw errors.invalidParam('The keys of messages must be user ids')
    if (serverOf(userId) === serverName) local.set(userId, devices)
    else remote.set(userId, devices)
  }
  return { local, remote }
}

/** The existing devices that a message is for; `*` stands for all of a user's. */
async function expand(
  directory: DeviceDirectory,
  reader: Reader,
  messages: Nested<JsonObject>,
): Promise<{ device: DeviceRef; content: JsonObject }[]> {
  const userIds = [...messages.keys()]
  if (userIds.length === 0) return []
  const known = await directory.listDeviceNames(reader, userIds)
  const dehydrated = await getDehydratedNames(reader, userIds)
  const targets: { device: DeviceRef; content: JsonObject }[] = []
  for (const [userId, contents] of messages) {
    const everywhere = contents.get('*')
    for (const deviceId of [...(known.get(userId)?.keys() ?? []), ...(dehydrated.get(userId)?.keys() ?? [])]) {
      const content = contents.get(deviceId) ?? everywhere
      if (content) targets.push({ device: { userId, deviceId }, content })
    }
  }
  return targets
}
