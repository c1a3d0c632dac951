import type { Reader, Tx } from '../db/database.ts'
import type { Streams } from '../db/streams.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { RoomId, ServerName, UserId } from '../matrix/ids.ts'
import type { InviteSettings } from '../matrix/invite-permission.ts'
import {
  getAccountDataRow,
  getLastAccountDataPos,
  listAccountDataOfType,
  listAccountDataRows,
  listChangedAccountDataRooms,
  putAccountDataRow,
} from './store-account-data.ts'

export interface AccountData {
  get(reader: Reader, userId: UserId, type: string, roomId?: RoomId): Promise<JsonObject | undefined>
  /**
   * The `type` and `content` of what is set for the account (`roomId` undefined) or a room; with `since` of what changed
   * after that stream position, deleted data with empty content.
   */
  list(reader: Reader, userId: UserId, roomId: string | undefined, since: number | undefined): Promise<JsonObject[]>
  /** The rooms whose data changed after a stream position. */
  changedRooms(reader: Reader, userId: UserId, since: number): Promise<string[]>
  /** The contents of one type by room. */
  ofRooms(reader: Reader, userId: UserId, type: string): Promise<ReadonlyMap<string, JsonObject>>
  /** The stream position of the last change; 0: nothing was ever set. */
  lastChange(reader: Reader, userId: UserId): Promise<number>
  /** https://spec.matrix.org/v1.19/client-server-api/#ignoring-users */
  ignoredUsers(reader: Reader, userId: UserId): Promise<ReadonlySet<string>>
  /** What decides which invitations the user takes. */
  inviteSettings(reader: Reader, userId: UserId): Promise<InviteSettings>
  /** Sets the content and wakes the user's clients. Returns the stream position. */
  set(tx: Tx, userId: UserId, type: string, content: JsonObject, roomId?: RoomId): Promise<number>
  /** Deletes the content, which clients see as empty. Does nothing where there is none. */
  delete(tx: Tx, userId: UserId, type: string, roomId?: RoomId): Promise<void>
  onChange(hook: AccountDataHook): void
}

export interface AccountDataChange {
  readonly userId: UserId
  readonly type: string
  /** Undefined: of the whole account. */
  readonly roomId: RoomId | undefined
}

/** Called inside the transaction that sets or deletes account data, after the change. */
export type AccountDataHook = (tx: Tx, change: AccountDataChange) => Promise<void>

interface Deps {
  readonly streams: Streams
  readonly noticesUser: UserId | undefined
  /** From which servers nobody takes invitations. */
  readonly isBarred: (server: ServerName) => boolean
}

export function createAccountData({ streams, noticesUser, isBarred }: Deps): AccountData {
  const hooks: AccountDataHook[] = []

  async function put(
    tx: Tx,
    userId: UserId,
    roomId: RoomId | undefined,
    type: string,
    value: { content: string; isDeleted: boolean },
  ) {
    const position = await streams.allocate(tx, 1)
    await putAccountDataRow(tx, { userId, roomId: roomId ?? '', type, ...value, position })
    for (const hook of hooks) await hook(tx, { userId, type, roomId })
    streams.notify(tx, { users: [userId] })
    return position
  }

  const get: AccountData['get'] = async (reader, userId, type, roomId) => {
    const content = await getAccountDataRow(reader, userId, roomId ?? '', type)
    return content === undefined ? undefined : (JSON.parse(content) as JsonObject)
  }

  const ignoredUsers: AccountData['ignoredUsers'] = async (reader, userId) => {
    const ignored = (await get(reader, userId, 'm.ignored_user_list'))?.ignored_users
    const isList = typeof ignored === 'object' && ignored !== null && !Array.isArray(ignored)
    // Whoever ignored themselves would not see what they send.
    return new Set(isList ? Object.keys(ignored).filter((other) => other !== userId) : [])
  }

  return {
    get,
    list: async (reader, userId, roomId, since) =>
      (await listAccountDataRows(reader, userId, roomId ?? '', since)).map(({ type, content }) => ({
        type,
        content: JSON.parse(content) as JsonObject,
      })),
    changedRooms: listChangedAccountDataRooms,
    ignoredUsers,
    inviteSettings: async (reader, userId) => ({
      trustedUser: noticesUser,
      isBarred,
      ignoredUsers: await ignoredUsers(reader, userId),
      permission: await get(reader, userId, 'm.invite_permission_config'),
      filter: await get(reader, userId, 'org.matrix.msc4155.invite_permission_config'),
    }),
    ofRooms: async (reader, userId, type) =>
      new Map((await listAccountDataOfType(reader, userId, type)).map((row) => [row.room_id, JSON.parse(row.content)])),
    lastChange: getLastAccountDataPos,
    set: (tx, userId, type, content, roomId) =>
      put(tx, userId, roomId, type, { content: JSON.stringify(content), isDeleted: false }),
    delete: async (tx, userId, type, roomId) => {
      if ((await get(tx, userId, type, roomId)) === undefined) return
      await put(tx, userId, roomId, type, { content: '{}', isDeleted: true })
    },
    onChange: (hook) => void hooks.push(hook),
  }
}
