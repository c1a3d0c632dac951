import type { Database } from '../../db/database.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { RoomId, UserId } from '../../matrix/ids.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import { createYielder } from '../../util/async.ts'
import type { Log } from '../../util/log.ts'
import type { RoomRequest, Shutdown } from './types.ts'

export interface ShutdownDeps {
  readonly db: Database
  readonly log: Log
  readonly rooms: Pick<Rooms, 'aliases' | 'create' | 'events' | 'membership' | 'reads'>
}

const defaultName = 'Content Violation Notification'
const defaultMessage = 'Sharing illegal content on this server is not permitted and rooms in violation will be blocked.'
const memberships = ['join', 'invite', 'knock']

export const nobody: Shutdown = { found: [], kickedUsers: [], failedUsers: [], localAliases: [], newRoomId: undefined }

/**
 * Moves all users of this server out of a room, as if they left by themselves, and into a new one where somebody is to make it.
 * `saved` hears how far it is, so that it goes on there after a crash.
 */
export function createShutdown({ db, log, rooms }: ShutdownDeps) {
  const { reads, membership } = rooms

  function listOurs(roomId: string): Promise<string[]> {
    return db.read(async (reader) => {
      const room = await reads.roomById(reader, roomId)
      if (room === undefined) return []
      const found = []
      for (const kind of memberships) found.push(...(await reads.members(reader, room.nid, kind)))
      return found.flatMap((row) => (row.is_local === 1 ? row.user_id : []))
    })
  }

  async function makeRoom({ newRoomUser, roomName = defaultName, message = defaultMessage }: RoomRequest) {
    // Checked with the request.
    const userId = newRoomUser as UserId
    const request = { preset: 'public_chat', name: roomName, powerLevels: { users_default: -10 } } as const
    const roomId = await rooms.create({ userId }, request)
    await rooms.events.send({ userId }, roomId, {
      type: 'm.room.message',
      content: { msgtype: 'm.text', body: message },
    })
    return roomId
  }

  /** Those who are out already, because it was broken off before, are only brought into the new room. */
  async function move(userId: UserId, roomId: string, isIn: boolean, newRoomId: string | undefined): Promise<boolean> {
    try {
      if (isIn) await membership.withdraw(userId, roomId)
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
      log.warn({ err: error, roomId, userId }, 'a user could not be moved out of a room')
      return false
    }
    try {
      if (newRoomId !== undefined) await membership.join({ userId }, { roomIdOrAlias: newRoomId })
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
      log.warn({ err: error, roomId: newRoomId, userId }, 'a user could not be moved into the new room')
    }
    return true
  }

  return async (
    roomId: string,
    request: RoomRequest,
    before: Shutdown,
    saved: (now: Shutdown) => Promise<void>,
    signal: AbortSignal,
  ): Promise<Shutdown> => {
    const present = new Set(await listOurs(roomId))
    let now: Shutdown = { ...before, found: [...new Set([...before.found, ...present])] }
    if (request.newRoomUser !== undefined && now.newRoomId === undefined) {
      now = { ...now, newRoomId: await makeRoom(request) }
    }
    if (now.found.length > before.found.length || now.newRoomId !== before.newRoomId) await saved(now)
    const pause = createYielder()
    const kicked = new Set(now.kickedUsers)
    const failed: string[] = []
    for (const userId of now.found.filter((one) => present.has(one) || !kicked.has(one))) {
      signal.throwIfAborted()
      await pause()
      if (await move(userId as UserId, roomId, present.has(userId), now.newRoomId)) kicked.add(userId)
      else failed.push(userId)
    }
    const moved = now.newRoomId === undefined ? [] : await rooms.aliases.move(roomId, now.newRoomId as RoomId)
    now = {
      ...now,
      kickedUsers: [...kicked],
      failedUsers: failed,
      localAliases: [...new Set([...now.localAliases, ...moved])],
    }
    await saved(now)
    return now
  }
}
