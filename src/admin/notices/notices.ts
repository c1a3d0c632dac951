import type { Accounts } from '../../accounts/accounts.ts'
import type { Database } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { type EventId, isUserId, type UserId } from '../../matrix/ids.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import { createKeyedMutex } from '../../util/keyed-mutex.ts'
import { createNoticeRooms } from './notice-rooms.ts'

export interface Notice {
  readonly target: string
  readonly type: string
  /** Present for state events, also when empty. */
  readonly stateKey: string | undefined
  readonly content: JsonObject
  /** By whose request, and which: repeating it sends nothing more. */
  readonly transaction: { readonly adminId: UserId; readonly txnId: string } | undefined
}

export interface Notices {
  /** Throws `400 M_UNKNOWN` where notices are off or the user is on another server, `404 M_NOT_FOUND` for nobody. */
  send(notice: Notice): Promise<EventId>
}

export interface NoticesOptions {
  readonly display_name: string
  readonly room_name: string
}

interface Deps {
  readonly db: Database
  readonly accounts: Pick<Accounts, 'accountData' | 'isLocalUser' | 'users' | 'noticesUser'>
  readonly rooms: Pick<Rooms, 'create' | 'events' | 'membership' | 'reads'>
  readonly options: NoticesOptions
}

const userType = 'notices'

export function createNotices({ db, accounts, rooms, options }: Deps): Notices {
  const mutex = createKeyedMutex()
  const requireRoom = createNoticeRooms({ db, accounts, rooms, roomName: options.room_name })

  /** The account that notices come from; made when it is first needed. */
  async function requireSender(userId: UserId): Promise<void> {
    const user = await db.read((reader) => accounts.users.get(reader, userId))
    if (user === undefined) await accounts.users.create({ userId, displayName: options.display_name, userType })
    else if (user.userType !== userType || user.isDeactivated) {
      throw errors.unknown(400, `${userId} cannot send notices; choose another server_notices.localpart`)
    }
  }

  async function requireTarget(target: string): Promise<UserId> {
    if (!isUserId(target) || !accounts.isLocalUser(target)) {
      throw errors.unknown(400, 'Notices are for users of this server')
    }
    const user = await db.read((reader) => accounts.users.get(reader, target))
    if (user === undefined || user.isDeactivated) throw errors.notFound('There is no such account')
    return target
  }

  return {
    send: async ({ target, type, stateKey, content, transaction }) => {
      const userId = accounts.noticesUser
      if (userId === undefined) throw errors.unknown(400, 'Server notices are turned off (server_notices.enabled)')
      const targetId = await requireTarget(target)
      if (targetId === userId) throw errors.unknown(400, 'Notices are for people')
      await mutex.run('sender', () => requireSender(userId))
      const roomId = await requireRoom(userId, targetId)
      if (stateKey !== undefined) return rooms.events.setState({ userId }, roomId, { type, stateKey, content })
      if (transaction === undefined) return rooms.events.send({ userId }, roomId, { type, content })
      const { adminId, txnId } = transaction
      return rooms.events.send({ userId, deviceId: adminId }, roomId, { type, content, txnId })
    },
  }
}
