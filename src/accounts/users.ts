import type { Database, Reader, Tx } from '../db/database.ts'
import type { Streams } from '../db/streams.ts'
import { errors } from '../matrix/errors.ts'
import { localpartOf, type ServerName, type UserId } from '../matrix/ids.ts'
import type { Clock } from '../util/clock.ts'
import type { AccountHooks } from './hooks.ts'
import type { Passwords } from './passwords.ts'
import type { Sessions } from './sessions.ts'
import { deleteAccountData } from './store-account-data.ts'
import { deleteFilters } from './store-filters.ts'
import { deleteLoginTokens } from './store-login-tokens.ts'
import { deleteProfile, putProfileField } from './store-profiles.ts'
import { type Account, type AccountFilter, type AccountPage, countAccounts, listAccounts } from './store-user-list.ts'
import {
  getStoredUser,
  hasPeople,
  insertUser,
  listUsers,
  type StoredUser,
  updateEnds,
  updateUser,
} from './store-users.ts'
import type { TokenCache } from './token-cache.ts'
import type { User } from './types.ts'
import { loginCandidates } from './usernames.ts'
import type { Validity } from './validity/validity.ts'

export { type Account, accountOrders } from './store-user-list.ts'

export interface NewUser {
  readonly userId: UserId
  readonly passwordHash?: string | undefined
  readonly isAdmin?: boolean
  readonly isGuest?: boolean
  /** Default: the localpart; guests have none. */
  readonly displayName?: string | undefined
  readonly appserviceId?: string | undefined
  readonly userType?: string | undefined
}

export interface Users {
  get(reader: Reader, userId: UserId): Promise<User | undefined>
  /** Users in the order of their ids, after `from`. */
  list(reader: Reader, from: string, limit: number): Promise<User[]>
  /** A page of what administrators look for, and how many there are in all; the server's own users only where a name is given. */
  search(reader: Reader, filter: AccountFilter, page: AccountPage): Promise<{ accounts: Account[]; total: number }>
  /** Whether anybody has an account yet; guests, bots and application services do not count. */
  hasPeople(reader: Reader): Promise<boolean>
  /** Throws `M_USER_IN_USE` where the id is taken. */
  insert(tx: Tx, user: NewUser): Promise<void>
  /** Makes a full account of a guest's. Throws `M_USER_IN_USE` where it is none, or none any more. */
  upgradeGuest(tx: Tx, user: NewUser): Promise<void>
  /** Hashes the password and makes the account: for the command line and built-in bots. Throws like `insert`. */
  create(user: Omit<NewUser, 'passwordHash'> & { password?: string | undefined }): Promise<void>
  /** The user whose name and password these are. Throws `M_FORBIDDEN`, `M_USER_DEACTIVATED`, `M_USER_LOCKED`. */
  verifyPassword(name: string, password: string): Promise<StoredUser>
  hasPassword(reader: Reader, userId: UserId): Promise<boolean>
  /** What attempts to guess a password are counted by: the same for all ways to write a name, and never long. */
  attemptKey(name: string): string
  /** Login tokens end with the old password. */
  setPassword(tx: Tx, userId: UserId, passwordHash: string): Promise<void>
  /** False where there is no such user. */
  setFlags(
    tx: Tx,
    userId: UserId,
    flags: { isAdmin?: boolean; isLocked?: boolean; isSuspended?: boolean; userType?: string | null },
  ): Promise<boolean>
  /** Sets when accounts end, in ms since 1970; undefined: not. At most some hundred at once. */
  setEnds(tx: Tx, userIds: readonly UserId[], expiresTs: number | undefined): Promise<void>
  /** Ends everything that can be ended; the id stays taken. `erase` also removes the profile, the account data and the filters. */
  deactivate(tx: Tx, userId: UserId, erase: boolean): Promise<void>
  /** Throws `M_USER_SUSPENDED` for a user who may read, but not send. */
  requireActive(reader: Reader, userId: UserId): Promise<void>
}

export interface UsersDeps {
  readonly db: Database
  readonly streams: Streams
  readonly clock: Clock
  readonly hooks: AccountHooks
  readonly cache: TokenCache
  readonly sessions: Sessions
  readonly passwords: Passwords
  readonly validity: Validity
  readonly serverName: ServerName
  /** Users that the server itself acts as. */
  readonly ownUsers: ReadonlySet<UserId>
}

export function createUsers(deps: UsersDeps): Users {
  const { db, streams, clock, hooks, cache, sessions, passwords, validity, serverName } = deps
  const insert = async (tx: Tx, user: NewUser) => {
    const { userId, isAdmin = false, isGuest = false, passwordHash, appserviceId, userType } = user
    const expiresTs = validity.endOf({ expiresTs: validity.newEnd(), isAdmin, appserviceId, userType })
    const times = { createdTs: clock.now(), expiresTs }
    if (!(await insertUser(tx, { userId, passwordHash, ...times, isAdmin, isGuest, appserviceId, userType }))) {
      throw errors.userInUse()
    }
    const displayName = user.displayName ?? (isGuest ? undefined : localpartOf(userId))
    if (displayName) await putProfileField(tx, userId, 'displayname', JSON.stringify(displayName))
  }

  const find = (name: string) =>
    db.read(async (reader) => {
      for (const userId of loginCandidates(name, serverName)) {
        const user = await getStoredUser(reader, userId)
        if (user) return user
      }
      return undefined
    })

  return {
    get: getStoredUser,
    list: listUsers,
    search: async (reader, filter, page) => {
      const isNamed = filter.name !== undefined || filter.userId !== undefined
      const wanted = isNamed ? filter : { ...filter, except: [...deps.ownUsers] }
      return {
        accounts: await listAccounts(reader, serverName, wanted, page),
        total: await countAccounts(reader, serverName, wanted),
      }
    },
    hasPeople,
    insert,
    upgradeGuest: async (tx, { userId, passwordHash }) => {
      const guest = await getStoredUser(tx, userId)
      if (!guest?.isGuest || guest.isDeactivated) throw errors.userInUse()
      await updateUser(tx, userId, {
        password_hash: passwordHash ?? null,
        is_guest: 0,
        expires_ts: validity.newEnd() ?? null,
      })
      cache.invalidate(tx)
    },
    create: async ({ password, ...user }) => {
      const passwordHash = password === undefined ? undefined : await passwords.hash(password)
      await db.write('create user', (tx) => insert(tx, { ...user, passwordHash }))
    },
    verifyPassword: async (name, password) => {
      const user = await find(name)
      const isRight = await passwords.verify(user?.passwordHash, password)
      if (user?.isDeactivated) throw errors.userDeactivated()
      if (!user || !isRight) throw errors.forbidden('Wrong user name or password')
      if (user.isLocked) throw errors.userLocked()
      return user
    },
    hasPassword: async (reader, userId) => typeof (await getStoredUser(reader, userId))?.passwordHash === 'string',
    attemptKey: (name) => `account ${loginCandidates(name, serverName).at(-1) ?? 'none'}`,
    setPassword: async (tx, userId, passwordHash) => {
      await updateUser(tx, userId, { password_hash: passwordHash })
      await deleteLoginTokens(tx, userId)
    },
    setFlags: async (tx, userId, { isAdmin, isLocked, isSuspended, userType }) => {
      cache.invalidate(tx)
      // Requests of theirs that wait, and their pushers, look again whether they may.
      if (isLocked !== undefined) streams.notify(tx, { users: [userId] })
      return updateUser(tx, userId, {
        ...(isAdmin !== undefined && { is_admin: isAdmin ? 1 : 0 }),
        ...(isLocked !== undefined && { is_locked: isLocked ? 1 : 0 }),
        ...(isSuspended !== undefined && { is_suspended: isSuspended ? 1 : 0 }),
        ...(userType !== undefined && { user_type: userType }),
      })
    },
    setEnds: async (tx, userIds, expiresTs) => {
      await updateEnds(tx, userIds, expiresTs)
      cache.invalidate(tx)
      streams.notify(tx, { users: userIds })
    },
    deactivate: async (tx, userId, erase) => {
      await updateUser(tx, userId, {
        password_hash: null,
        is_admin: 0,
        deactivated_ts: clock.now(),
        is_erased: erase ? 1 : 0,
      })
      await sessions.endAll(tx, userId)
      await deleteLoginTokens(tx, userId)
      if (erase) {
        await deleteProfile(tx, userId)
        await deleteAccountData(tx, userId)
        await deleteFilters(tx, userId)
      }
      cache.invalidate(tx)
      for (const hook of hooks.deactivate) await hook(tx, { userId, erase })
    },
    requireActive: async (reader, userId) => {
      if ((await getStoredUser(reader, userId))?.isSuspended) throw errors.userSuspended()
    },
  }
}
