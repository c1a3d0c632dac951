import type { Database } from '../../db/database.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import type { AccountHooks } from '../hooks.ts'
import { getStoredUser } from '../store-users.ts'
import { hashToken, newToken } from '../tokens.ts'
import type { Validity } from '../validity/validity.ts'
import { deleteOpenidTokens, getOpenidUser, insertOpenidToken } from './store-openid.ts'

/** Proofs for other services, such as a call server, of who somebody is here. They open nothing else. */
export interface Openid {
  /** A new proof and its lifetime in ms. */
  issue(userId: UserId): Promise<{ token: string; expiresInMs: number }>
  /** Whose proof it is; undefined for an unknown or expired one, and for an account that is closed. */
  verify(token: string): Promise<UserId | undefined>
}

export interface OpenidDeps {
  readonly db: Database
  readonly clock: Clock
  readonly hooks: AccountHooks
  readonly validity: Validity
  /** In ms. */
  readonly lifetime: number
}

export function createOpenid({ db, clock, hooks, validity, lifetime }: OpenidDeps): Openid {
  hooks.deactivate.push((tx, { userId }) => deleteOpenidTokens(tx, userId))
  return {
    issue: async (userId) => {
      const token = newToken('openid')
      const row = { hash: hashToken(token), userId, expiresTs: clock.now() + lifetime }
      await db.write('openid token', (tx) => insertOpenidToken(tx, row, clock.now()))
      return { token, expiresInMs: lifetime }
    },
    verify: async (token) => {
      const user = await db.read(async (reader) => {
        const userId = await getOpenidUser(reader, hashToken(token), clock.now())
        return userId === undefined ? undefined : getStoredUser(reader, userId)
      })
      return user && !validity.isExpired(user) ? user.userId : undefined
    },
  }
}
