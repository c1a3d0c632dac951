import type { Database, Reader } from '../db/database.ts'
import { errors } from '../matrix/errors.ts'
import { makeUserId, type ServerName, type UserId } from '../matrix/ids.ts'
import { randomString } from '../util/random.ts'
import type { DeviceRequest } from './login.ts'
import type { Passwords } from './passwords.ts'
import type { RegistrationTokens } from './registration-tokens.ts'
import type { Sessions } from './sessions.ts'
import { getStoredUser } from './store-users.ts'
import type { Appservice, Appservices, Grant } from './types.ts'
import { userIdForName } from './usernames.ts'
import type { NewUser, Users } from './users.ts'

export interface RegistrationRequest {
  /** Undefined: one is made up. */
  readonly username: string | undefined
  readonly password: string | undefined
  /** Undefined: do not log in. */
  readonly device: DeviceRequest | undefined
  readonly registrationToken?: string | undefined
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
  appservices(): Appservices
}

export function createRegistration(deps: RegistrationDeps): Registration {
  const { db, serverName, users, sessions, passwords, tokens } = deps

  function checkNamespace(userId: UserId, appservice: Appservice | undefined): void {
    const owner = deps.appservices().exclusiveOwner(userId)
    if (owner && owner.id !== appservice?.id) throw errors.exclusive()
    if (appservice && !appservice.isInterestedIn(userId) && userId !== appservice.senderUserId) {
      throw errors.exclusive('The user id is outside of the namespaces of the application service')
    }
  }

  const requireFree = async (reader: Reader, userId: UserId) => {
    if (await getStoredUser(reader, userId)) throw errors.userInUse()
  }

  function insert(user: NewUser, device: DeviceRequest | undefined, registrationToken?: string): Promise<Registered> {
    return db.write('register', async (tx) => {
      await users.insert(tx, user)
      if (registrationToken !== undefined) await tokens.use(tx, registrationToken)
      const grant = device && (await sessions.start(tx, { ...device, userId: user.userId }))
      return { userId: user.userId, grant }
    })
  }

  const madeUp = (length: number, alphabet: string) => makeUserId(randomString(length, alphabet), serverName)

  return {
    requireAvailable: async (username, appservice) => {
      const userId = userIdForName(username, serverName)
      checkNamespace(userId, appservice)
      await db.read((reader) => requireFree(reader, userId))
      return userId
    },
    register: async (request) => {
      const { username, password, appservice, isAdmin = false, displayName, userType } = request
      const userId =
        username === undefined
          ? madeUp(12, 'abcdefghijklmnopqrstuvwxyz0123456789')
          : userIdForName(username, serverName)
      checkNamespace(userId, appservice)
      if (password !== undefined) passwords.check(password)
      const passwordHash = password === undefined ? undefined : await passwords.hash(password)
      const user = { userId, passwordHash, isAdmin, displayName, userType, appserviceId: appservice?.id }
      return insert(user, request.device, request.registrationToken)
    },
    registerGuest: (device) => {
      const userId = madeUp(16, '0123456789')
      return insert({ userId, isGuest: true }, { ...device, deviceId: undefined })
    },
  }
}
