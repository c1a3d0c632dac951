import type { Database, Reader } from '../db/database.ts'
import type { Streams } from '../db/streams.ts'
import type { Authenticate } from '../http/auth.ts'
import { createUia, type Uia } from '../http/uia.ts'
import type { JsonObject } from '../matrix/event.ts'
import { type ServerName, serverOf, type UserId } from '../matrix/ids.ts'
import type { TimerClock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import type { Part } from '../util/part.ts'
import { type AccountData, createAccountData } from './account-data.ts'
import { type Appservices, createAppservices } from './appservices/appservices.ts'
import { createAuthenticate } from './authenticate.ts'
import { createDevices, type Devices } from './devices.ts'
import { createFilters, type Filters } from './filters.ts'
import {
  createHooks,
  type DeactivateHook,
  type DeviceIdCheck,
  type DeviceRenameHook,
  type ProfileChangeHook,
  type SessionEndHook,
  type ThreepidRemovedHook,
} from './hooks.ts'
import { createIdentify, type Identify } from './identify.ts'
import { createLastSeen } from './last-seen.ts'
import { createLogin, type Login } from './login.ts'
import { createOpenid, type Openid } from './openid/openid.ts'
import { createPasswords, type PasswordCost, type Passwords } from './passwords.ts'
import { createProfiles, type Profiles, type RemoteProfiles } from './profiles.ts'
import { createRegistration, type Registration } from './registration.ts'
import { createRegistrationTokens, type RegistrationTokens } from './registration-tokens.ts'
import { createSessions, type SessionLifetimes, type Sessions } from './sessions.ts'
import { createSetup, type Setup } from './setup.ts'
import { createSharedSecret, type SharedSecret } from './shared-secret.ts'
import { createExternalIds, type ExternalIds } from './sso/external-ids.ts'
import { createThreepids, type Threepids } from './threepids/threepids.ts'
import { createTokenCache } from './token-cache.ts'
import { createUiaStore } from './uia-store.ts'
import { createUsers, type Users } from './users.ts'
import { createValidity, type Validity } from './validity/validity.ts'

export interface AccountsOptions {
  readonly serverName: ServerName
  readonly passwordCost: PasswordCost
  readonly minPasswordLength: number
  readonly lifetimes: SessionLifetimes
  /** Of tokens that log in another device, in ms. */
  readonly loginTokenLifetime: number
  readonly uiaLifetime: number
  /** Of proofs of identity for other services, in ms. */
  readonly openidLifetime: number
  /** Of the providers through which people can log in. */
  readonly providerIds: readonly string[]
  /** Who sends notices for the server; undefined: nobody. */
  readonly noticesUser: UserId | undefined
  /** From which servers nobody here takes invitations. */
  readonly isBarred: (server: ServerName) => boolean
  /** Whose names nobody can register: the server itself acts under them. */
  readonly ownUsers: ReadonlySet<UserId>
  /** How long accounts last, in ms; undefined: for ever. */
  readonly accountPeriod: number | undefined
}

export interface AccountsDeps {
  readonly db: Database
  readonly streams: Streams
  readonly clock: TimerClock
  readonly log: Log
  readonly options: AccountsOptions
}

export interface Accounts {
  readonly authenticate: Authenticate
  readonly users: Users
  readonly sessions: Sessions
  readonly devices: Devices
  readonly login: Login
  readonly registration: Registration
  readonly registrationTokens: RegistrationTokens
  readonly sharedSecret: SharedSecret
  readonly setup: Setup
  readonly profiles: Profiles
  readonly accountData: AccountData
  readonly filters: Filters
  readonly passwords: Passwords
  readonly uia: Uia
  readonly openid: Openid
  readonly threepids: Threepids
  readonly externalIds: ExternalIds
  readonly identify: Identify
  readonly validity: Validity
  /** Who sends notices for the server. Nobody can take the name, block the invitations or turn them down. */
  readonly noticesUser: UserId | undefined
  isLocalUser(userId: UserId): boolean
  /** Whether a registration token can be used now. */
  checkRegistrationToken(token: string): Promise<boolean>
  /** The profile of a local user; undefined for an unknown one. */
  getProfile(reader: Reader, userId: UserId): Promise<JsonObject | undefined>
  onSessionEnd(hook: SessionEndHook): void
  onDeviceRename(hook: DeviceRenameHook): void
  onDeactivate(hook: DeactivateHook): void
  onProfileChange(hook: ProfileChangeHook): void
  checkDeviceIds(check: DeviceIdCheck): void
  /** None until their registrations have been read. */
  readonly appservices: Appservices
  onThreepidRemoved(hook: ThreepidRemovedHook): void
  /** How profiles of users on other servers are had; without it there are none. */
  useRemoteProfiles(source: RemoteProfiles): void
  readonly remoteProfile: RemoteProfiles
  readonly part: Part
}

/** Composes everything about the people of this server and their logins. */
export function createAccounts({ db, streams, clock, log, options }: AccountsDeps): Accounts {
  const { serverName } = options
  const hooks = createHooks()
  const cache = createTokenCache()
  const lastSeen = createLastSeen(db, clock, log)
  const appservices = createAppservices(serverName)
  let remote: RemoteProfiles = async () => undefined
  const passwords = createPasswords(options.passwordCost, options.minPasswordLength)
  const sessions = createSessions({ db, streams, clock, hooks, cache, lifetimes: options.lifetimes })
  const validity = createValidity(clock, options.accountPeriod)
  const users = createUsers({
    db,
    streams,
    clock,
    hooks,
    cache,
    sessions,
    passwords,
    validity,
    serverName,
    ownUsers: options.ownUsers,
  })
  const registrationTokens = createRegistrationTokens({ db, clock })
  const threepids = createThreepids({ clock, hooks })
  const profiles = createProfiles({ db, hooks })
  return {
    authenticate: createAuthenticate({ db, clock, serverName, cache, lastSeen, appservices, users, validity }),
    users,
    sessions,
    devices: createDevices({ db, clock, hooks, lastSeen }),
    login: createLogin({ db, clock, sessions, users, serverName, tokenLifetime: options.loginTokenLifetime }),
    registration: createRegistration({
      db,
      serverName,
      users,
      sessions,
      passwords,
      tokens: registrationTokens,
      threepids,
      appservices,
      ownUsers: options.ownUsers,
    }),
    registrationTokens,
    threepids,
    sharedSecret: createSharedSecret(clock),
    setup: createSetup({ db, users, passwords }),
    profiles,
    accountData: createAccountData({ ...options, streams }),
    filters: createFilters({ db }),
    passwords,
    uia: createUia({ store: createUiaStore({ db, clock }), clock, lifetimeMs: options.uiaLifetime }),
    externalIds: createExternalIds({ clock, hooks, providerIds: options.providerIds }),
    identify: createIdentify({ db, threepids, users }),
    openid: createOpenid({ db, clock, hooks, validity, lifetime: options.openidLifetime }),
    validity,
    noticesUser: options.noticesUser,
    isLocalUser: (userId) => serverOf(userId) === serverName,
    checkRegistrationToken: (token) => db.read((reader) => registrationTokens.isValid(reader, token)),
    getProfile: profiles.get,
    onSessionEnd: (hook) => void hooks.sessionEnd.push(hook),
    onDeviceRename: (hook) => void hooks.deviceRename.push(hook),
    onDeactivate: (hook) => void hooks.deactivate.push(hook),
    onProfileChange: (hook) => void hooks.profileChange.push(hook),
    onThreepidRemoved: (hook) => void hooks.threepidRemoved.push(hook),
    checkDeviceIds: (check) => void hooks.deviceIdCheck.push(check),
    appservices,
    useRemoteProfiles: (source) => {
      remote = source
    },
    remoteProfile: (userId, field) => remote(userId, field),
    part: { name: 'last seen', start: () => {}, stop: lastSeen.stop },
  }
}
