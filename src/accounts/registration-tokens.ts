import type { Database, Reader, Tx } from '../db/database.ts'
import { errors } from '../matrix/errors.ts'
import type { Clock } from '../util/clock.ts'
import { randomString } from '../util/random.ts'
import { countRegistration, getRegistrationToken, insertRegistrationToken } from './store-registration-tokens.ts'

export interface RegistrationTokens {
  /** Makes a token for `ringback token create`; `expiresInMs` counts from now. Throws `M_INVALID_PARAM` where `token` exists. */
  create(wanted?: { token?: string; usesAllowed?: number; expiresInMs?: number }): Promise<string>
  isValid(reader: Reader, token: string): Promise<boolean>
  /** Counts one use inside the registration's transaction; throws `M_FORBIDDEN` where none is left. */
  use(tx: Tx, token: string): Promise<void>
}

export function createRegistrationTokens({ db, clock }: { db: Database; clock: Clock }): RegistrationTokens {
  const isValid = async (reader: Reader, token: string) => {
    const found = await getRegistrationToken(reader, token)
    if (!found) return false
    const { usesAllowed, completed, expiresTs } = found
    return (
      (usesAllowed === undefined || completed < usesAllowed) && (expiresTs === undefined || expiresTs > clock.now())
    )
  }
  return {
    create: async ({ token = randomString(16), usesAllowed, expiresInMs } = {}) => {
      if (!/^[A-Za-z0-9._~-]{1,64}$/.test(token)) {
        throw errors.invalidParam('A registration token has 1 to 64 characters of A-Z a-z 0-9 . _ ~ -')
      }
      const expiresTs = expiresInMs === undefined ? undefined : clock.now() + expiresInMs
      const isNew = await db.write('registration token', (tx) =>
        insertRegistrationToken(tx, { token, usesAllowed, completed: 0, expiresTs }, clock.now()),
      )
      if (!isNew) throw errors.invalidParam('This registration token exists already')
      return token
    },
    isValid,
    use: async (tx, token) => {
      if (!(await isValid(tx, token))) throw errors.forbidden('The registration token is not valid any more')
      await countRegistration(tx, token)
    },
  }
}
