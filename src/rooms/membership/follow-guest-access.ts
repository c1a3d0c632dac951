import type { Accounts } from '../../accounts/accounts.ts'
import type { Database } from '../../db/database.ts'
import { guestsMayJoin } from '../../matrix/content.ts'
import type { UserId } from '../../matrix/ids.ts'
import { mapLimit } from '../../util/async.ts'
import type { Log } from '../../util/log.ts'
import type { RoomWriter } from '../room-writer.ts'
import { listLocalJoined } from '../store-members.ts'
import type { PersistHook, Room } from '../types.ts'
import { appendLeave } from './leave.ts'

interface Deps {
  readonly db: Database
  readonly writer: RoomWriter
  readonly users: Pick<Accounts['users'], 'get'>
  readonly log: Log
}

/** Rooms that take no guests any more. */
export interface GuestAccessFollower {
  /** Lets the guests of such a room leave it, after the commit: https://spec.matrix.org/v1.19/client-server-api/#guest-access */
  readonly hook: PersistHook
  /** Resolves when nothing of that is under way any more. */
  idle(): Promise<void>
}

const atOnce = 8

export function createGuestAccessFollower({ db, writer, users, log }: Deps): GuestAccessFollower {
  const underWay = new Set<Promise<void>>()

  function listGuests(room: Room): Promise<UserId[]> {
    return db.read(async (reader) => {
      const guests: UserId[] = []
      for (const member of await listLocalJoined(reader, room.nid)) {
        const user = await users.get(reader, member as UserId)
        if (user?.isGuest) guests.push(user.userId)
      }
      return guests
    })
  }

  async function letGuestsGo(room: Room): Promise<void> {
    const guests = await listGuests(room)
    await mapLimit(guests, atOnce, (userId) =>
      writer.change(room.roomId, async (draft) => {
        if (!guestsMayJoin((await draft.state('m.room.guest_access', ''))?.pdu)) await appendLeave(draft, { userId })
      }),
    )
  }

  return {
    hook: async (tx, { room, currentChanges, events }) => {
      const access = currentChanges.find(({ pdu }) => pdu.type === 'm.room.guest_access' && pdu.state_key === '')
      const isNew = events.some(({ pdu }) => pdu.type === 'm.room.create')
      if (access === undefined || isNew || guestsMayJoin(access.pdu)) return
      tx.afterCommit(() => {
        const leaving = letGuestsGo(room)
          .catch((error: unknown) => log.error({ err: error, roomId: room.roomId }, 'guests could not leave a room'))
          .finally(() => underWay.delete(leaving))
        underWay.add(leaving)
      })
    },
    idle: async () => {
      await Promise.all(underWay)
    },
  }
}
