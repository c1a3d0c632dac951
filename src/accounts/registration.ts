import type { Database, Reader, Tx } from '../db/database.ts'
import { errors } from '../matrix/errors.ts'
import { makeUserId, type ServerName, type UserId } from '../matrix/ids.ts'
import { randomString } from '../util/random.ts'
import type { Appservice } from './appservices/appservice.ts'
import type { Appservices } from './appservices/appservices.ts'
import type { DeviceRequest } from './login.ts'
import type { Passwords } from './passwords.ts'
import type { RegistrationTokens } from './registration-tokens.ts'
import type { Sessions } from './sessions.ts'
import { getStoredUser } from './store-users.ts'
import type { ConfirmedEmail, Threepids } from './threepids/threepids.ts'
import type { Grant } from './types.ts'
import { userIdAsWritten, userIdForName } from './usernames.ts'
import type { NewUser, Users } from './users.ts'

export interface RegistrationRequest {
  /** Undefined: one is made up. */
  readonly username: string | undefined
  readonly password: string | undefined
  /** Undefined: do not log in. */
  readonly device: DeviceRequest | undefined
  readonly registrationToken?: string | undefined
  /** The guest whose account becomes a full one, instead of a new one. */
  readonly guest?: UserId | undefined
  /** An address that the new account gets. */
  readonly email?: ConfirmedEmail | undefined
  /** Runs inside the transaction that makes the account. */
  readonly alongside?: (tx: Tx, userId: UserId) => Promise<void>
  readonly appservice?: Appservice | undefined
  readonly isAdmin?: boolean
  readonly displayName?: string | undefined
  readonly userType?: string | undefined
}

export interface Registered {
  readonly userId: UserId
  readonly grant: Grant | undefined
}

export interface Registration {
  /** The id that an account of this name would have. Throws `M_INVALID_USERNAME`, `M_USER_IN_USE`, `M_EXCLUSIVE`. */
  requireAvailable(username: string, appservice?: Appservice): Promise<UserId>
  /** Makes an account and logs it in. Throws what `requireAvailable` throws, and `M_WEAK_PASSWORD`. */
  register(request: RegistrationRequest): Promise<Registered>
  registerGuest(device: DeviceRequest): Promise<Registered>
}

export interface RegistrationDeps {
  readonly db: Database
  readonly serverName: ServerName
  readonly users: Users
  readonly sessions: Sessions
  readonly passwords: Passwords
  readonly tokens: RegistrationTokens
  readonly threepids: Threepids
  readonly appservices: Appservices
  /** Whose names nobody can register: the server itself acts under them. */
  readonly ownUsers: ReadonlySet<UserId>
}

export function createRegistration(deps: RegistrationDeps): Registration {
  const { db, serverName, users, sessions, passwords, tokens, threepids, appservices } = deps

  /** Application services have always been let keep capitals, which stand in the ids by which they go on. */
  function idFor(username: string, appservice: Appservice | undefined): UserId {
    const userId = (appservice ? userIdAsWritten : userIdForName)(username, serverName)
    appservices.checkUser(userId, appservice)
    if (deps.ownUsers.has(userId)) throw errors.exclusive('This name is reserved for the server itself')
    return userId
  }

  const requireFree = async (reader: Reader, userId: UserId) => {
    if (await getStoredUser(reader, userId)) throw errors.userInUse()
  }

  function insert(
    user: NewUser,
    { device, registrationToken, guest, email, alongside }: Partial<RegistrationRequest>,
  ): Promise<Registered> {
    return db.write('register', async (tx) => {
      if (guest === undefined) await users.insert(tx, user)
      else await users.upgradeGuest(tx, user)
      if (registrationToken !== undefined) await tokens.use(tx, registrationToken)
      if (email) await threepids.add(tx, user.userId, email)
      await alongside?.(tx, user.userId)
      const grant = device && (await sessions.start(tx, { ...device, userId: user.userId }))
      return { userId: user.userId, grant }
    })
  }

  const letters = 'abcdefghijklmnopqrstuvwxyz0123456789'
  const madeUp = (length: number, alphabet: string) => makeUserId(randomString(length, alphabet), serverName)

  return {
    requireAvailable: async (username, appservice) => {
      const userId = idFor(username, appservice)
      await db.read((reader) => requireFree(reader, userId))
      return userId
    },
    register: async (request) => {
      const { username, password, appservice, isAdmin = false, displayName, userType } = request
      const userId = request.guest ?? (username === undefined ? madeUp(12, letters) : idFor(username, appservice))
      if (password !== undefined) passwords.check(password)
      const passwordHash = password === undefined ? undefined : await passwords.hash(password)
      const user = { userId, passwordHash, isAdmin, displayName, userType, appserviceId: appservice?.id }
      return insert(user, request)
    },
    registerGuest: (device) => {
      const userId = madeUp(16, '0123456789')
      return insert({ userId, isGuest: true }, { device: { ...device, deviceId: undefined } })
    },
  }
}
