import type { Accounts } from '../accounts/accounts.ts'
import type { User } from '../accounts/types.ts'
import type { Reader } from '../db/database.ts'
import { errors } from '../matrix/errors.ts'
import { isUserId, type UserId } from '../matrix/ids.ts'

/** The id of a user of this server. Throws `400 M_INVALID_PARAM` for all others. */
export function requireLocalId(accounts: Pick<Accounts, 'isLocalUser'>, userId: string): UserId {
  if (!isUserId(userId)) throw errors.invalidParam(`${userId} is not a user id`)
  if (!accounts.isLocalUser(userId)) throw errors.invalidParam(`${userId} does not belong to this server`)
  return userId
}

/**
 * The account that an administrator may suspend or lock. Throws `400 M_INVALID_PARAM` for users of other servers,
 * `404 M_NOT_FOUND` where there is no account any more, `403 M_FORBIDDEN` for other administrators.
 * https://spec.matrix.org/v1.19/client-server-api/#server-administration
 */
export async function requireModerated(
  reader: Reader,
  accounts: Pick<Accounts, 'isLocalUser' | 'users'>,
  admin: UserId,
  target: string,
): Promise<User> {
  const user = await accounts.users.get(reader, requireLocalId(accounts, target))
  if (user === undefined || user.isDeactivated) throw errors.notFound('There is no such account')
  if (user.isAdmin && user.userId !== admin) throw errors.forbidden(`${target} is an administrator too`)
  return user
}
