import type { Accounts } from '../../accounts/accounts.ts'
import type { Database, Reader, Tx } from '../../db/database.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { RoomId, UserId } from '../../matrix/ids.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import { createKeyedMutex } from '../../util/keyed-mutex.ts'
import { getChat, getChatUser, putChat, setChatJoined } from './store-chats.ts'

/** The rooms in which users and the voicemail bot are alone, one for each user. */
export interface Chats {
  /**
   * The user's chat, made where there is none. Whoever has left it is invited again. Throws what invitations throw, for
   * users who take none from the bot.
   */
  require(userId: UserId): Promise<RoomId>
  /** Whose chat a room is; undefined: of nobody. */
  userOf(reader: Reader, roomId: string): Promise<string | undefined>
}

interface Deps {
  readonly db: Database
  readonly accounts: Pick<Accounts, 'accountData'>
  readonly rooms: Pick<Rooms, 'create' | 'membership' | 'reads'>
  readonly botId: UserId
}

export function createChats({ db, accounts, rooms, botId }: Deps): Chats {
  const { reads } = rooms
  const { accountData } = accounts
  const mutex = createKeyedMutex()

  async function find(reader: Reader, userId: UserId) {
    const chat = await getChat(reader, userId)
    const room = chat && (await reads.roomById(reader, chat.room_id))
    if (chat === undefined || room === undefined) return undefined
    if ((await reads.membership(reader, room.nid, botId))?.membership !== 'join') return undefined
    const theirs = (await reads.membership(reader, room.nid, userId))?.membership
    return { roomId: room.roomId, membership: theirs, isJoined: chat.is_joined === 1 }
  }

  /** https://spec.matrix.org/v1.19/client-server-api/#direct-messaging */
  async function markDirect(tx: Tx, userId: UserId, roomId: RoomId): Promise<void> {
    const before = (await accountData.get(tx, userId, 'm.direct')) ?? {}
    const own = before[botId]
    const others = Array.isArray(own) ? own.filter((id) => id !== roomId) : []
    await accountData.set(tx, userId, 'm.direct', { ...before, [botId]: [...others, roomId] })
  }

  function make(userId: UserId): Promise<RoomId> {
    const onlyBot = { invite: 100, kick: 100, ban: 100, state_default: 100 } satisfies JsonObject
    const request = {
      preset: 'private_chat',
      isDirect: true,
      invite: [userId],
      // The bot reads what is said here, so that nothing may look as if it could not.
      powerLevels: { ...onlyBot, events: { 'm.room.encryption': 100 } },
      creationContent: { 'm.federate': false },
      initialState: [{ type: 'm.room.guest_access', stateKey: '', content: { guest_access: 'forbidden' } }],
    } as const
    return rooms.create({ userId: botId }, request, async (tx, { roomId }) => {
      await putChat(tx, userId, roomId)
      await markDirect(tx, userId, roomId)
    })
  }

  /** The server speaks for its own user once: what they do afterwards is their choice. */
  async function enter(userId: UserId, roomId: RoomId): Promise<void> {
    await rooms.membership.join({ userId }, { roomIdOrAlias: roomId })
    await db.write('voicemail chat', (tx) => setChatJoined(tx, userId))
  }

  async function require(userId: UserId): Promise<RoomId> {
    const found = await db.read((reader) => find(reader, userId))
    const roomId = found?.roomId ?? (await make(userId))
    const isThere = found === undefined || found.membership === 'join' || found.membership === 'invite'
    if (isThere && found?.isJoined !== true) await enter(userId, roomId)
    else if (!isThere) {
      await rooms.membership.invite({ userId: botId }, roomId, userId, { is_direct: true })
    }
    return roomId
  }

  return {
    require: (userId) => mutex.run(userId, () => require(userId)),
    userOf: getChatUser,
  }
}
