import type { RequestBase } from '../http/endpoint.ts'
import { errors, MatrixError } from '../matrix/errors.ts'
import type { ServerName, UserId } from '../matrix/ids.ts'
import type { Accounts } from './accounts.ts'
import { userIdForName } from './usernames.ts'

export interface GuestCredentials {
  readonly username?: string | undefined
  readonly guest_access_token?: string | undefined
}

/**
 * The guest whose account a registration makes a full one; undefined where it is about a new account. Throws
 * `403 M_FORBIDDEN` for a token that is not of a guest of this name.
 * https://spec.matrix.org/v1.19/client-server-api/#guest-access
 */
export async function guestToUpgrade(
  { accounts, serverName }: { accounts: Pick<Accounts, 'authenticate'>; serverName: ServerName },
  { ip, headers }: Pick<RequestBase, 'ip' | 'headers'>,
  { username, guest_access_token: token }: GuestCredentials,
): Promise<UserId | undefined> {
  if (token === undefined) return undefined
  if (username === undefined) throw errors.missingParam('Missing key username')
  const options = { userIdParam: undefined, deviceIdParam: undefined, allowLocked: false, allowExpired: false }
  const client = { ip, userAgent: headers['user-agent'] }
  const guest = await Promise.resolve(accounts.authenticate(token, { ...options, ...client })).catch((error) => {
    if (error instanceof MatrixError) return undefined
    throw error
  })
  if (!guest?.isGuest || guest.userId !== userIdForName(username, serverName)) {
    throw errors.forbidden('guest_access_token is not that of a guest of this name')
  }
  return guest.userId
}
