import type { Accounts } from '../accounts/accounts.ts'
import type { Reader } from '../db/database.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { UserId } from '../matrix/ids.ts'
import { judgeInvite } from '../matrix/invite-permission.ts'

/** What rooms need to know about users. */
export interface People {
  isLocal(userId: UserId): boolean
  /** `displayname` and `avatar_url` as member events carry them. */
  memberProfile(reader: Reader, userId: UserId): Promise<JsonObject>
  /** Throws `403 M_USER_SUSPENDED`. */
  requireActive(reader: Reader, userId: UserId): Promise<void>
  /** Throws `403 M_INVITE_BLOCKED` for a user who takes no invitations from the inviter, `403` for one of another server. */
  requireInvitable(reader: Reader, inviter: UserId, userId: UserId): Promise<void>
  /** Throws `403 M_CANNOT_LEAVE_SERVER_NOTICE_ROOM` for an invitation by the server itself. */
  requireDeclinable(inviter: UserId): void
}

export function createPeople(
  accounts: Pick<Accounts, 'isLocalUser' | 'noticesUser' | 'getProfile' | 'accountData'> & {
    users: Pick<Accounts['users'], 'requireActive'>
  },
): People {
  return {
    isLocal: accounts.isLocalUser,
    memberProfile: async (reader, userId) => {
      const profile = (await accounts.getProfile(reader, userId)) ?? {}
      const { displayname, avatar_url: avatarUrl } = profile
      return {
        ...(typeof displayname === 'string' ? { displayname } : {}),
        ...(typeof avatarUrl === 'string' ? { avatar_url: avatarUrl } : {}),
      }
    },
    requireActive: accounts.users.requireActive,
    requireInvitable: async (reader, inviter, userId) => {
      if (!accounts.isLocalUser(userId)) {
        throw errors.forbidden(`${userId} is on another server, and can only be invited to a room that is there`)
      }
      const settings = await accounts.accountData.inviteSettings(reader, userId)
      if (judgeInvite(settings, inviter) === 'block') throw errors.inviteBlocked()
    },
    requireDeclinable: (inviter) => {
      if (inviter === accounts.noticesUser) throw errors.cannotLeaveServerNoticeRoom()
    },
  }
}
