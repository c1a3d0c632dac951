import { errors } from '../matrix/errors.ts'
import {
  fitsIdLimit,
  isStrictLocalpart,
  isUserId,
  localpartOf,
  makeUserId,
  type ServerName,
  serverOf,
  type UserId,
} from '../matrix/ids.ts'

/** The user id for a wanted name (a localpart or a whole id of this server), in lower case; throws `M_INVALID_USERNAME`. */
export function userIdForName(name: string, server: ServerName): UserId {
  const localpart = localName(name, server)?.toLowerCase()
  if (localpart === undefined) throw errors.invalidUsername('The user id belongs to another server')
  if (!isStrictLocalpart(localpart)) {
    throw errors.invalidUsername('User names consist of a-z, 0-9 and the characters . _ = - / +')
  }
  if (!fitsIdLimit(`@${localpart}:${server}`)) throw errors.invalidUsername('The user name is too long')
  return makeUserId(localpart, server)
}

/** The same as it is written, for application services: of printable ASCII. */
export function userIdAsWritten(name: string, server: ServerName): UserId {
  const localpart = localName(name, server)
  if (localpart === undefined) throw errors.invalidUsername('The user id belongs to another server')
  if (!/^[!-9;-~]+$/.test(localpart)) {
    throw errors.invalidUsername(
      'User names of application services consist of printable ASCII without spaces and colons',
    )
  }
  if (!fitsIdLimit(`@${localpart}:${server}`)) throw errors.invalidUsername('The user name is too long')
  return makeUserId(localpart, server)
}

/** The ids that somebody who logs in as `name` may mean: as written, for old mixed-case accounts, and in lower case. */
export function loginCandidates(name: string, server: ServerName): UserId[] {
  const localpart = localName(name, server)
  if (localpart === undefined) return []
  return [...new Set([localpart, localpart.toLowerCase()])]
    .map((part) => `@${part}:${server}`)
    .filter((userId) => isUserId(userId))
}

function localName(name: string, server: ServerName): string | undefined {
  if (!name.startsWith('@')) return name
  if (!isUserId(name) || serverOf(name) !== server) return undefined
  return localpartOf(name)
}
