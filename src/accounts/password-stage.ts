import type { RateLimiter } from '../http/rate-limit.ts'
import type { UiaPolicy } from '../http/uia.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { Users } from './users.ts'

/** The name that an `identifier`, or the older `user` key, gives; throws where there is none or of a kind that we lack. */
export function identifiedUser(auth: JsonObject): string {
  const { identifier, user } = auth
  if (identifier === undefined || identifier === null) {
    if (typeof user === 'string') return user
    throw errors.missingParam('Missing key identifier')
  }
  if (typeof identifier !== 'object' || Array.isArray(identifier)) throw errors.badJson('Wrong key identifier')
  if (identifier.type !== 'm.id.user') {
    throw errors.unknown(400, 'Accounts are identified by m.id.user here')
  }
  if (typeof identifier.user !== 'string') throw errors.missingParam('Missing key identifier.user')
  return identifier.user
}

/** Confirms an action with the password of an account. The result of the stage is the user id. */
export function passwordPolicy({ users, limiter }: { users: Users; limiter: RateLimiter }): UiaPolicy {
  return {
    flows: [['m.login.password']],
    stages: {
      'm.login.password': async (auth) => {
        const name = identifiedUser(auth)
        if (typeof auth.password !== 'string') throw errors.missingParam('Missing key password')
        limiter.take('login', users.attemptKey(name))
        const { userId } = await users.verifyPassword(name, auth.password)
        return { userId, result: userId }
      },
    },
  }
}
