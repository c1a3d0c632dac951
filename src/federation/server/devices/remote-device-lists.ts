import type { Database, Reader, Tx } from '../../../db/database.ts'
import type { E2ee } from '../../../e2ee/e2ee.ts'
import { errors } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import { hasUserIdShape, type ServerName, serverOf, type UserId } from '../../../matrix/ids.ts'
import { membershipOf } from '../../../matrix/member-content.ts'
import type { PersistHook } from '../../../rooms/types.ts'
import { createYielder } from '../../../util/async.ts'
import { keptDevice, keptKey } from './list-content.ts'
import {
  deleteRemoteDevice,
  deleteRemoteList,
  getRemoteList,
  insertRemoteList,
  listKeptInRoom,
  type RemoteListRow,
  updateRemoteList,
  upsertRemoteDevice,
} from './store-remote-devices.ts'

export interface DeviceUpdate {
  readonly userId: UserId
  readonly deviceId: string
  readonly streamId: number
  readonly previous: readonly number[]
  readonly deleted: boolean
  readonly keys: JsonObject | undefined
  readonly name: string | undefined
}

/** The device lists of users of other servers with whom somebody here shares a room, kept up to date by what these send. */
export interface RemoteDeviceLists {
  /** Throws `403` for users with whom no room is shared. */
  deviceUpdated(update: DeviceUpdate): Promise<void>
  signingKeysUpdated(userId: UserId, keys: { master?: JsonObject; selfSigning?: JsonObject }): Promise<void>
  /** Begins to keep the lists of those of the users with whom somebody here shares a room. */
  follow(userIds: Iterable<string>): Promise<void>
  /** Forgets users with whom no room is shared any more: nobody tells us of their changes. */
  readonly hook: PersistHook
}

interface Deps {
  readonly serverName: ServerName
  readonly db: Database
  readonly e2ee: Pick<E2ee, 'markChanged'>
  sharesRoom(reader: Reader, userId: string): Promise<boolean>
  /** Lists of these servers have to be fetched, even where that failed before. */
  fetchNow(servers: Iterable<ServerName>): void
}

export function createRemoteDeviceLists(deps: Deps): RemoteDeviceLists {
  const { serverName, db, e2ee, sharesRoom, fetchNow } = deps

  const emptyList = (userId: UserId, untold: boolean): RemoteListRow => ({
    user_id: userId,
    server: serverOf(userId),
    stream_id: 0,
    is_current: 0,
    is_fetched: 0,
    untold: untold ? 1 : 0,
    version: 0,
    master_key: null,
    self_signing_key: null,
    attempts: 0,
    retry_ts: 0,
  })

  async function requireShared(reader: Reader, userId: UserId): Promise<void> {
    if (!(await sharesRoom(reader, userId))) throw errors.forbidden('Nobody here shares a room with that user')
  }

  /** A change was missed. */
  async function needList(tx: Tx, userId: UserId, list: RemoteListRow | undefined): Promise<void> {
    if (list === undefined) await insertRemoteList(tx, emptyList(userId, true))
    else await updateRemoteList(tx, userId, { is_current: 0, untold: 1, version: list.version + 1, retry_ts: 0 })
    tx.afterCommit(() => fetchNow([serverOf(userId)]))
  }

  async function apply(tx: Tx, update: DeviceUpdate): Promise<void> {
    const { userId, deviceId, streamId, keys, name } = update
    const row = update.deleted
      ? undefined
      : keptDevice(userId, { device_id: deviceId, keys, device_display_name: name })
    if (row === undefined) await deleteRemoteDevice(tx, userId, deviceId)
    else await upsertRemoteDevice(tx, row)
    await updateRemoteList(tx, userId, { stream_id: streamId })
  }

  async function forgetStrangers(tx: Tx, userIds: Iterable<string>): Promise<void> {
    const pause = createYielder()
    for (const userId of userIds) {
      await pause()
      if (!(await sharesRoom(tx, userId))) await deleteRemoteList(tx, userId)
    }
  }

  return {
    deviceUpdated: (update) =>
      db.write('device of another server', async (tx) => {
        const { userId, streamId, previous } = update
        await requireShared(tx, userId)
        const list = await getRemoteList(tx, userId)
        // A server that has lost its numbers begins a new chain, far below the last one.
        const isAnew = list !== undefined && previous.length === 0 && streamId < list.stream_id
        const isOld = list?.is_current === 1 && streamId <= list.stream_id && !isAnew
        const isNext = list?.is_current === 1 && !isOld && previous.includes(list.stream_id)
        if (!isOld && !isNext) return needList(tx, userId, list)
        if (isNext) await apply(tx, update)
        // The list may have been fetched with the change before clients were told of it.
        await e2ee.markChanged(tx, userId)
      }),
    signingKeysUpdated: (userId, { master, selfSigning }) =>
      db.write('signing keys of another server', async (tx) => {
        await requireShared(tx, userId)
        const list = await getRemoteList(tx, userId)
        if (list?.is_current !== 1) return needList(tx, userId, list)
        const masterKey = keptKey(userId, master) ?? list.master_key
        const selfSigningKey = keptKey(userId, selfSigning) ?? list.self_signing_key
        if (masterKey === list.master_key && selfSigningKey === list.self_signing_key) return
        await updateRemoteList(tx, userId, { master_key: masterKey, self_signing_key: selfSigningKey })
        await e2ee.markChanged(tx, userId)
      }),
    follow: (userIds) =>
      db.write('follow device lists', async (tx) => {
        const servers = new Set<ServerName>()
        const pause = createYielder()
        for (const userId of userIds) {
          await pause()
          if (!hasUserIdShape(userId) || serverOf(userId) === serverName) continue
          if ((await getRemoteList(tx, userId)) !== undefined || !(await sharesRoom(tx, userId))) continue
          await insertRemoteList(tx, emptyList(userId, false))
          servers.add(serverOf(userId))
        }
        if (servers.size > 0) tx.afterCommit(() => fetchNow(servers))
      }),
    hook: async (tx, { room, currentChanges, removed }) => {
      const gone = new Set<UserId>()
      for (const { pdu } of currentChanges) {
        const userId = pdu.state_key ?? ''
        if (pdu.type !== 'm.room.member' || membershipOf(pdu) === 'join' || !hasUserIdShape(userId)) continue
        gone.add(userId)
      }
      for (const { type, stateKey } of removed) {
        if (type === 'm.room.member' && hasUserIdShape(stateKey)) gone.add(stateKey)
      }
      const isOurs = (userId: UserId) => serverOf(userId) === serverName
      await forgetStrangers(
        tx,
        [...gone].filter((userId) => !isOurs(userId)),
      )
      if ([...gone].some(isOurs)) await forgetStrangers(tx, await listKeptInRoom(tx, room.nid))
    },
  }
}
