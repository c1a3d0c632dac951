import type { Database } from '../db/database.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import { canonicalEmail } from '../util/email-address.ts'
import type { Threepids } from './threepids/threepids.ts'
import type { Users } from './users.ts'

/** Whom somebody who logs in says to be. */
export interface Identified {
  /** A user name or id as `Users.verifyPassword` takes it; of nobody where an address is unknown. */
  readonly name: string
  /** What attempts to guess the password are counted by. */
  readonly attemptKey: string
}

/**
 * Reads the `identifier` of a login, or the older keys beside it. Throws where there is none or of a kind that we lack.
 * https://spec.matrix.org/v1.19/client-server-api/#identifier-types
 */
export type Identify = (auth: JsonObject) => Promise<Identified>

export function createIdentify({
  db,
  threepids,
  users,
}: {
  db: Database
  threepids: Threepids
  users: Pick<Users, 'attemptKey'>
}): Identify {
  const byName = (name: string): Identified => ({ name, attemptKey: users.attemptKey(name) })

  async function byAddress(medium: unknown, address: unknown): Promise<Identified> {
    if (typeof medium !== 'string') throw errors.missingParam('Missing key identifier.medium')
    if (typeof address !== 'string') throw errors.missingParam('Missing key identifier.address')
    const email = medium === 'email' ? canonicalEmail(address) : undefined
    const owner = email && (await db.read((reader) => threepids.ownerOf(reader, email)))
    // An unknown address is answered like a wrong password, and takes as long.
    return owner ? byName(owner) : { name: '', attemptKey: `address ${email ?? 'none'}` }
  }

  return async (auth) => {
    const { identifier, user } = auth
    if (identifier === undefined || identifier === null) {
      if (typeof user === 'string') return byName(user)
      if (auth.medium !== undefined) return byAddress(auth.medium, auth.address)
      throw errors.missingParam('Missing key identifier')
    }
    if (typeof identifier !== 'object' || Array.isArray(identifier)) throw errors.badJson('Wrong key identifier')
    switch (identifier.type) {
      case 'm.id.user':
        if (typeof identifier.user !== 'string') throw errors.missingParam('Missing key identifier.user')
        return byName(identifier.user)
      case 'm.id.thirdparty':
        return byAddress(identifier.medium, identifier.address)
      case 'm.id.phone':
        return byAddress('msisdn', identifier.phone)
      default:
        throw errors.unknown(400, 'This kind of identifier is not known here')
    }
  }
}
