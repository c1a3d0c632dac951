import type { Database } from '../db/database.ts'
import type { Authenticate } from '../http/auth.ts'
import { type ServerName, serverOf, type UserId } from '../matrix/ids.ts'
import type { TimerClock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import type { Part } from '../util/part.ts'
import { createAuthenticate } from './authenticate.ts'
import {
  createHooks,
  type DeactivateHook,
  type DeviceIdCheck,
  type DeviceRenameHook,
  type ProfileChangeHook,
  type SessionEndHook,
} from './hooks.ts'
import { createLastSeen } from './last-seen.ts'
import { createPasswords, type PasswordCost, type Passwords } from './passwords.ts'
import { createSessions, type SessionLifetimes, type Sessions } from './sessions.ts'
import { createTokenCache } from './token-cache.ts'
import { type Appservices, noAppservices } from './types.ts'

export interface AccountsOptions {
  readonly serverName: ServerName
  readonly passwordCost: PasswordCost
  readonly minPasswordLength: number
  readonly lifetimes: SessionLifetimes
}

export interface AccountsDeps {
  readonly db: Database
  readonly clock: TimerClock
  readonly log: Log
  readonly options: AccountsOptions
}

export interface Accounts {
  readonly authenticate: Authenticate
  readonly sessions: Sessions
  readonly passwords: Passwords
  isLocalUser(userId: UserId): boolean
  onSessionEnd(hook: SessionEndHook): void
  onDeviceRename(hook: DeviceRenameHook): void
  onDeactivate(hook: DeactivateHook): void
  onProfileChange(hook: ProfileChangeHook): void
  checkDeviceIds(check: DeviceIdCheck): void
  /** Supplies the application services; until then there are none. */
  useAppservices(appservices: Appservices): void
  readonly part: Part
}

/** Composes everything about the people of this server and their logins. */
export function createAccounts({ db, clock, log, options }: AccountsDeps): Accounts {
  const hooks = createHooks()
  const cache = createTokenCache()
  const lastSeen = createLastSeen(db, clock, log)
  let appservices = noAppservices
  const sessions = createSessions({ db, clock, hooks, cache, lifetimes: options.lifetimes })
  return {
    authenticate: createAuthenticate({
      db,
      clock,
      serverName: options.serverName,
      cache,
      lastSeen,
      appservices: () => appservices,
    }),
    sessions,
    passwords: createPasswords(options.passwordCost, options.minPasswordLength),
    isLocalUser: (userId) => serverOf(userId) === options.serverName,
    onSessionEnd: (hook) => void hooks.sessionEnd.push(hook),
    onDeviceRename: (hook) => void hooks.deviceRename.push(hook),
    onDeactivate: (hook) => void hooks.deactivate.push(hook),
    onProfileChange: (hook) => void hooks.profileChange.push(hook),
    checkDeviceIds: (check) => void hooks.deviceIdCheck.push(check),
    useAppservices: (next) => {
      appservices = next
    },
    part: { name: 'last seen', start: () => {}, stop: () => lastSeen.stop() },
  }
}
