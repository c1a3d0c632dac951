import type { Accounts } from '../accounts/accounts.ts'
import type { Reader } from '../db/database.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { UserId } from '../matrix/ids.ts'

/** What rooms need to know about users. */
export interface People {
  isLocal(userId: UserId): boolean
  /** `displayname` and `avatar_url` as member events carry them. */
  memberProfile(reader: Reader, userId: UserId): Promise<JsonObject>
  /** Throws `403 M_USER_SUSPENDED`. */
  requireActive(reader: Reader, userId: UserId): Promise<void>
  /** Throws `403 M_INVITE_BLOCKED` for a local user who takes no invitations. */
  requireInvitable(reader: Reader, userId: UserId): Promise<void>
}

/** https://spec.matrix.org/v1.19/client-server-api/#invite-permission */
const invitePermission = 'm.invite_permission_config'

export function createPeople(
  accounts: Pick<Accounts, 'isLocalUser' | 'getProfile' | 'accountData'> & {
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
    requireInvitable: async (reader, userId) => {
      if (!accounts.isLocalUser(userId)) {
        throw errors.forbidden(`${userId} is on another server, and this server does not reach others`)
      }
      const config = await accounts.accountData.get(reader, userId, invitePermission)
      if (config?.default_action === 'block') throw errors.inviteBlocked()
    },
  }
}
