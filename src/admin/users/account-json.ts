import type { Accounts } from '../../accounts/accounts.ts'
import type { User } from '../../accounts/types.ts'
import type { Account } from '../../accounts/users.ts'
import type { Reader } from '../../db/database.ts'
import { requireAccount } from './find-account.ts'

function flagsOf(user: User) {
  return {
    is_guest: user.isGuest,
    admin: user.isAdmin,
    deactivated: user.isDeactivated,
    erased: user.isErased,
    locked: user.isLocked,
    suspended: user.isSuspended,
    // Not offered here, but tools read it.
    shadow_banned: false,
    user_type: user.userType ?? null,
  }
}

/** An account in a list, as the tools of administrators read it. */
export function listedJson(account: Account) {
  return {
    name: account.userId,
    displayname: account.displayName ?? null,
    avatar_url: account.avatarUrl ?? null,
    creation_ts: account.createdTs,
    last_seen_ts: account.lastSeenTs ?? null,
    ...flagsOf(account),
  }
}

/** An account by itself. The time of its creation is in seconds there. */
export async function accountJson(
  reader: Reader,
  accounts: Pick<Accounts, 'isLocalUser' | 'users' | 'profiles' | 'threepids' | 'devices'>,
  id: string,
) {
  const user = await requireAccount(reader, accounts, id)
  const { userId } = user
  const profile = (await accounts.profiles.get(reader, userId)) ?? {}
  const seen = (await accounts.devices.list(reader, userId)).map((device) => device.lastSeenTs ?? 0)
  const lastSeen = Math.max(0, ...seen)
  return {
    name: userId,
    displayname: profile.displayname ?? null,
    avatar_url: profile.avatar_url ?? null,
    creation_ts: Math.floor(user.createdTs / 1000),
    last_seen_ts: lastSeen === 0 ? null : lastSeen,
    appservice_id: user.appserviceId ?? null,
    threepids: (await accounts.threepids.list(reader, userId)).map((threepid) => ({
      medium: threepid.medium,
      address: threepid.address,
      added_at: threepid.addedTs,
      validated_at: threepid.validatedTs,
    })),
    external_ids: [],
    ...flagsOf(user),
  }
}
