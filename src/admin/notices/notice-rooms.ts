import type { Accounts } from '../../accounts/accounts.ts'
import type { Database, Reader, Tx } from '../../db/database.ts'
import type { RoomId, UserId } from '../../matrix/ids.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import { createKeyedMutex } from '../../util/keyed-mutex.ts'
import { getNoticeRoom, putNoticeRoom } from './store-notice-rooms.ts'

interface Deps {
  readonly db: Database
  readonly accounts: Pick<Accounts, 'accountData'>
  readonly rooms: Pick<Rooms, 'create' | 'membership' | 'reads'>
  readonly roomName: string
}

/** The room in which a user hears from the server, made or opened again where needed. */
export type RequireNoticeRoom = (sender: UserId, target: UserId) => Promise<RoomId>

/** https://spec.matrix.org/v1.19/client-server-api/#server-notices: exactly one for each user, who is invited and has no say in it. */
export function createNoticeRooms({ db, accounts, rooms, roomName }: Deps): RequireNoticeRoom {
  const { reads } = rooms
  const mutex = createKeyedMutex()

  /** The room, if the server's user is still in it, and whether the user is in it or has been asked. */
  async function find(reader: Reader, sender: UserId, target: UserId) {
    const roomId = await getNoticeRoom(reader, target)
    const room = roomId === undefined ? undefined : await reads.roomById(reader, roomId)
    if (room === undefined) return undefined
    const [own, theirs] = [
      await reads.membership(reader, room.nid, sender),
      await reads.membership(reader, room.nid, target),
    ]
    if (own?.membership !== 'join') return undefined
    return { roomId: room.roomId, isThere: theirs?.membership === 'join' || theirs?.membership === 'invite' }
  }

  async function setTag(tx: Tx, target: UserId, roomId: RoomId): Promise<void> {
    const { tags } = (await accounts.accountData.get(tx, target, 'm.tag', roomId)) ?? {}
    const kept = typeof tags === 'object' && !Array.isArray(tags) ? tags : {}
    await accounts.accountData.set(tx, target, 'm.tag', { tags: { ...kept, 'm.server_notice': {} } }, roomId)
  }

  async function make(sender: UserId, target: UserId): Promise<RoomId> {
    const request = {
      preset: 'private_chat',
      name: roomName,
      invite: [target],
      creationContent: { 'm.federate': false },
      // Users read here and do not answer.
      powerLevels: { users_default: -10 },
      initialState: [{ type: 'm.room.guest_access', stateKey: '', content: { guest_access: 'forbidden' } }],
    } as const
    return rooms.create({ userId: sender }, request, async (tx, { roomId }) => {
      await putNoticeRoom(tx, target, roomId)
      await setTag(tx, target, roomId)
    })
  }

  async function require(sender: UserId, target: UserId): Promise<RoomId> {
    const found = await db.read((reader) => find(reader, sender, target))
    if (found === undefined) return make(sender, target)
    if (!found.isThere) {
      await rooms.membership.invite({ userId: sender }, found.roomId, target)
      await db.write('tag notices', (tx) => setTag(tx, target, found.roomId))
    }
    return found.roomId
  }

  return (sender, target) => mutex.run(target, () => require(sender, target))
}
