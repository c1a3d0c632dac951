import type { Accounts } from '../../accounts/accounts.ts'
import type { User } from '../../accounts/types.ts'
import type { Reader } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import { requireLocalId } from '../moderated-account.ts'

/** Throws `400 M_INVALID_PARAM` for users of other servers, `404 M_NOT_FOUND` where there never was such an account. */
export async function requireAccount(
  reader: Reader,
  accounts: Pick<Accounts, 'isLocalUser' | 'users'>,
  userId: string,
): Promise<User> {
  const user = await accounts.users.get(reader, requireLocalId(accounts, userId))
  if (user === undefined) throw errors.notFound('There is no such account')
  return user
}
