import type { Reader, Tx } from '../db/database.ts'
import type { Streams } from '../db/streams.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { RoomId, UserId } from '../matrix/ids.ts'
import {
  type AccountDataRow,
  getAccountDataRow,
  listAccountDataChanges,
  listAccountDataRows,
  putAccountDataRow,
} from './store-account-data.ts'

export interface AccountDataEvent {
  /** Undefined: of the whole account. */
  readonly roomId: RoomId | undefined
  readonly type: string
  /** Empty where it was deleted. */
  readonly content: JsonObject
}

export interface AccountData {
  get(reader: Reader, userId: UserId, type: string, roomId?: RoomId): Promise<JsonObject | undefined>
  /** Everything that is set, global and of all rooms. */
  list(reader: Reader, userId: UserId): Promise<AccountDataEvent[]>
  /** What changed after one stream position up to another. */
  listChanges(reader: Reader, userId: UserId, after: number, upTo: number): Promise<AccountDataEvent[]>
  /** Sets the content and wakes the user's clients. Returns the stream position. */
  set(tx: Tx, userId: UserId, type: string, content: JsonObject, roomId?: RoomId): Promise<number>
  /** Deletes the content, which clients see as empty. Does nothing where there is none. */
  delete(tx: Tx, userId: UserId, type: string, roomId?: RoomId): Promise<void>
}

function fromRow(row: AccountDataRow): AccountDataEvent {
  return {
    // Only valid ids are stored.
    roomId: row.room_id === '' ? undefined : (row.room_id as RoomId),
    type: row.type,
    content: JSON.parse(row.content) as JsonObject,
  }
}

export function createAccountData({ streams }: { streams: Streams }): AccountData {
  async function put(tx: Tx, userId: UserId, roomId: string, type: string, content: string, isDeleted: boolean) {
    const position = await streams.allocate(tx, 1)
    await putAccountDataRow(tx, { userId, roomId, type, content, isDeleted, position })
    streams.notify(tx, { users: [userId] })
    return position
  }

  const get: AccountData['get'] = async (reader, userId, type, roomId) => {
    const content = await getAccountDataRow(reader, userId, roomId ?? '', type)
    return content === undefined ? undefined : (JSON.parse(content) as JsonObject)
  }

  return {
    get,
    list: async (reader, userId) => (await listAccountDataRows(reader, userId)).map(fromRow),
    listChanges: async (reader, userId, after, upTo) =>
      (await listAccountDataChanges(reader, { userId, after, upTo })).map(fromRow),
    set: (tx, userId, type, content, roomId) => put(tx, userId, roomId ?? '', type, JSON.stringify(content), false),
    delete: async (tx, userId, type, roomId) => {
      if ((await get(tx, userId, type, roomId)) !== undefined) await put(tx, userId, roomId ?? '', type, '{}', true)
    },
  }
}
