import type { DeactivateHook, ProfileChangeHook } from '../../accounts/hooks.ts'
import type { Database } from '../../db/database.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { isUserId, type UserId } from '../../matrix/ids.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import { mapLimit } from '../../util/async.ts'
import type { Log } from '../../util/log.ts'
import { appendState } from '../actions/append-state.ts'
import type { RoomDraft } from '../draft.ts'
import type { People } from '../people.ts'
import type { RoomWriter } from '../room-writer.ts'
import { listJoinedRoomIds } from '../sharing.ts'
import type { Membership } from './membership.ts'
import { listOpenRoomIds } from './store-open-rooms.ts'

interface Deps {
  readonly db: Database
  readonly writer: RoomWriter
  readonly people: People
  readonly membership: Pick<Membership, 'withdraw'>
  readonly jobs: Pick<Jobs, 'enqueue' | 'handle'>
  readonly log: Log
}

/** Rooms that change at the same time: enough to share commits, few enough to let others in between. */
const atOnce = 8

/** What an account's changes do to its rooms. */
export interface AccountFollower {
  /** Writes the new name or avatar into the member event of every room; resolves when all are on disk. */
  readonly onProfileChange: ProfileChangeHook
  /** Leaves every room and turns down every invitation, once the account is gone. */
  readonly onDeactivate: DeactivateHook
}

const leaving = 'rooms.leave'

export function createAccountFollower({ db, writer, people, membership, jobs, log }: Deps): AccountFollower {
  async function updateMember(draft: RoomDraft, userId: UserId): Promise<void> {
    const member = await draft.state('m.room.member', userId)
    if (member === undefined || membershipOf(member.pdu) !== 'join') return
    const { displayname: _name, avatar_url: _avatar, ...rest } = member.pdu.content
    // These say how the user once came in, and an authoriser would have to sign again.
    const { reason: _reason, join_authorised_via_users_server: _authoriser, ...kept } = rest
    const content: JsonObject = { ...kept, ...(await people.memberProfile(draft.reader, userId)) }
    await appendState(draft, { type: 'm.room.member', sender: userId, stateKey: userId, content })
  }

  async function inEach(
    userId: UserId,
    roomIds: readonly string[],
    change: (roomId: string) => Promise<unknown>,
  ): Promise<void> {
    await mapLimit(roomIds, atOnce, async (roomId) => {
      try {
        await change(roomId)
      } catch (error) {
        // A room whose rules forbid it keeps the user as they were; the others must not suffer for it.
        if (!(error instanceof MatrixError)) throw error
        log.info({ roomId, userId, reason: error.message }, 'a room did not follow a change of account')
      }
    })
  }

  async function leaveAll(userId: UserId): Promise<void> {
    const roomIds = await db.read((reader) => listOpenRoomIds(reader, userId))
    await inEach(userId, roomIds, (roomId) => membership.withdraw(userId, roomId))
  }

  jobs.handle(leaving, async ({ userId }) => {
    if (typeof userId === 'string' && isUserId(userId)) await leaveAll(userId)
  })

  return {
    onProfileChange: async ({ userId, fields }) => {
      if (!('displayname' in fields) && !('avatar_url' in fields)) return
      const roomIds = await db.read((reader) => listJoinedRoomIds(reader, userId))
      await inEach(userId, roomIds, (roomId) => writer.change(roomId, (draft) => updateMember(draft, userId)))
    },
    onDeactivate: async (tx, { userId }) => {
      await jobs.enqueue(tx, leaving, { userId }, { key: userId })
    },
  }
}
