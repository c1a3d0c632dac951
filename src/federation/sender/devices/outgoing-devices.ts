import type { Tx } from '../../../db/database.ts'
import type { E2ee } from '../../../e2ee/e2ee.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import { createYielder } from '../../../util/async.ts'
import {
  type DeviceNewsRow,
  deleteDeviceNews,
  deleteMessages,
  getDeviceStream,
  listDeviceNews,
  listMessages,
  upsertDeviceStream,
} from './store-outgoing-devices.ts'

/** What other servers are told of our users' devices, and what our users send to devices of theirs. */
export interface OutgoingDevices {
  /** Takes up to `limit` EDUs out of what waits for a server. */
  take(tx: Tx, destination: string, limit: number): Promise<JsonObject[]>
}

const maxNews = 40
/** Messages of more bytes than these together wait for the next transaction. */
const maxMessageBytes = 1024 * 1024

const signingKeyTypes = ['m.signing_key_update', 'org.matrix.signing_key_update'] as const

export function createOutgoingDevices({ e2ee }: { e2ee: Pick<E2ee, 'queryLocalKeys'> }): OutgoingDevices {
  async function updatesOf(tx: Tx, destination: string, userId: string, rows: readonly DeviceNewsRow[]) {
    const deviceIds = rows.flatMap((row) => row.device_id || [])
    const keys = await e2ee.queryLocalKeys(tx, new Map([[userId, deviceIds]]))
    const edus: JsonObject[] = []
    let previous = await getDeviceStream(tx, destination, userId)
    for (const { device_id: deviceId, stream_pos: streamId } of rows) {
      if (deviceId === '') {
        const content = signingKeys(userId, keys.master_keys[userId], keys.self_signing_keys[userId])
        edus.push(...signingKeyTypes.map((type) => ({ edu_type: type, content })))
        continue
      }
      const device = Object.entries(keys.device_keys[userId] ?? {}).find(([id]) => id === deviceId)?.[1]
      const chain = { stream_id: streamId, prev_id: previous === undefined ? [] : [previous] }
      edus.push({
        edu_type: 'm.device_list_update',
        content: { user_id: userId, device_id: deviceId, ...chain, ...describe(device) },
      })
      previous = streamId
    }
    if (previous !== undefined) await upsertDeviceStream(tx, destination, userId, previous)
    return edus
  }

  async function takeNews(tx: Tx, destination: string, limit: number): Promise<JsonObject[]> {
    const rows = await listDeviceNews(tx, destination, limit)
    const edus: JsonObject[] = []
    const pause = createYielder()
    for (const [userId, ofUser] of Map.groupBy(rows, (row) => row.user_id)) {
      await pause()
      edus.push(...(await updatesOf(tx, destination, userId, ofUser)))
    }
    for (const row of rows) await deleteDeviceNews(tx, destination, row)
    return edus
  }

  async function takeMessages(tx: Tx, destination: string, limit: number): Promise<JsonObject[]> {
    const edus: JsonObject[] = []
    let bytes = 0
    let upTo: number | undefined
    for (const { message_nid: nid, type, json } of await listMessages(tx, destination, limit)) {
      bytes += json.length
      if (upTo !== undefined && bytes > maxMessageBytes) break
      // Written by ourselves.
      edus.push({ edu_type: type, content: JSON.parse(json) as JsonObject })
      upTo = nid
    }
    if (upTo !== undefined) await deleteMessages(tx, destination, upTo)
    return edus
  }

  return {
    take: async (tx, destination, limit) => {
      // Each change of cross-signing keys is told under two names.
      const news = await takeNews(tx, destination, Math.min(maxNews, Math.floor(limit / 2)))
      return [...news, ...(await takeMessages(tx, destination, limit - news.length))]
    },
  }
}

function signingKeys(userId: string, master: JsonObject | undefined, selfSigning: JsonObject | undefined): JsonObject {
  return {
    user_id: userId,
    ...(master !== undefined && { master_key: master }),
    ...(selfSigning !== undefined && { self_signing_key: selfSigning }),
  }
}

/** Without keys the device is gone. */
function describe(device: JsonObject | undefined): JsonObject {
  if (device === undefined) return { deleted: true }
  const { unsigned, ...keys } = device
  const name: unknown = Object(unsigned).device_display_name
  return { keys, ...(typeof name === 'string' && { device_display_name: name }) }
}
