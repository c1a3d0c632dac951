import type { Database, Tx } from '../db/database.ts'
import { errors } from '../matrix/errors.ts'
import { isUserId, type ServerName, type UserId } from '../matrix/ids.ts'
import type { Clock } from '../util/clock.ts'
import type { Appservice } from './appservices/appservice.ts'
import type { SessionRequest, Sessions } from './sessions.ts'
import { deleteExpiredLoginTokens, insertLoginToken, takeLoginToken } from './store-login-tokens.ts'
import { getStoredUser } from './store-users.ts'
import { hashToken, newToken } from './tokens.ts'
import type { Grant } from './types.ts'
import { loginCandidates } from './usernames.ts'
import type { Users } from './users.ts'

export type DeviceRequest = Omit<SessionRequest, 'userId'>

export interface Login {
  /** Throws `M_FORBIDDEN`, `M_USER_DEACTIVATED`, `M_USER_LOCKED`. */
  withPassword(name: string, password: string, device: DeviceRequest): Promise<Grant>
  /** Uses a token of `createToken` up. Throws `M_FORBIDDEN`. */
  withToken(token: string, device: DeviceRequest): Promise<Grant>
  /** Logs in a user of an application service. Throws `M_FORBIDDEN`, `M_EXCLUSIVE`, `M_APPSERVICE_LOGIN_UNSUPPORTED`. */
  asAppservice(appservice: Appservice, name: string, device: DeviceRequest): Promise<Grant>
  /** A token with which another device can log in once, and its lifetime in ms. */
  createToken(userId: UserId): Promise<{ token: string; expiresInMs: number }>
}

export interface LoginDeps {
  readonly db: Database
  readonly clock: Clock
  readonly sessions: Sessions
  readonly users: Users
  readonly serverName: ServerName
  readonly tokenLifetime: number
}

export function createLogin({ db, clock, sessions, users, serverName, tokenLifetime }: LoginDeps): Login {
  /** The account may have changed since the password was checked, and so may the password. */
  async function start(tx: Tx, userId: UserId, device: DeviceRequest, passwordHash?: string | null): Promise<Grant> {
    const user = await getStoredUser(tx, userId)
    if (!user) throw errors.forbidden('There is no such account')
    if (passwordHash !== undefined && user.passwordHash !== passwordHash) {
      throw errors.forbidden('The password has just been changed')
    }
    if (user.isDeactivated) throw errors.userDeactivated()
    if (user.isLocked) throw errors.userLocked()
    return sessions.start(tx, { ...device, userId })
  }

  return {
    withPassword: async (name, password, device) => {
      const { userId, passwordHash } = await users.verifyPassword(name, password)
      return db.write('login', (tx) => start(tx, userId, device, passwordHash))
    },
    withToken: async (token, device) => {
      // The token is used up even when the login then fails.
      const userId = await db.write('take login token', (tx) => takeLoginToken(tx, hashToken(token), clock.now()))
      if (userId === undefined || !isUserId(userId)) throw errors.forbidden('The login token is not valid')
      return db.write('login', (tx) => start(tx, userId, device))
    },
    asAppservice: async (appservice, name, device) => {
      if (appservice.registration.managesDevices) throw errors.appserviceLoginUnsupported()
      const userId = loginCandidates(name, serverName).find((id) => appservice.isInterestedIn(id))
      if (!userId) throw errors.exclusive('The user does not belong to this application service')
      return db.write('login', (tx) => start(tx, userId, device))
    },
    createToken: async (userId) => {
      const token = newToken('login')
      await db.write('login token', async (tx) => {
        await deleteExpiredLoginTokens(tx, clock.now())
        await insertLoginToken(tx, hashToken(token), userId, clock.now() + tokenLifetime)
      })
      return { token, expiresInMs: tokenLifetime }
    },
  }
}
