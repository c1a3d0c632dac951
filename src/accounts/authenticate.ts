import type { Database } from '../db/database.ts'
import type { Authenticate, AuthenticateOptions } from '../http/auth.ts'
import type { Requester } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import { type DeviceId, isUserId, type ServerName, serverOf, type UserId } from '../matrix/ids.ts'
import type { Clock } from '../util/clock.ts'
import type { Appservice } from './appservices/appservice.ts'
import type { Appservices } from './appservices/appservices.ts'
import type { LastSeen } from './last-seen.ts'
import { getDeviceRow } from './store-devices.ts'
import { confirmPair, getByAccessHash, type TokenRow } from './store-sessions.ts'
import { getStoredUser } from './store-users.ts'
import type { TokenCache } from './token-cache.ts'
import { hashToken } from './tokens.ts'
import type { Users } from './users.ts'
import type { Validity } from './validity/validity.ts'

export interface AuthenticateDeps {
  readonly db: Database
  readonly clock: Clock
  readonly serverName: ServerName
  readonly cache: TokenCache
  readonly lastSeen: LastSeen
  readonly appservices: Appservices
  readonly users: Pick<Users, 'insert'>
  readonly validity: Validity
}

/** Says whose access token it is; an expired one is a soft logout, after which the client keeps its keys. */
export function createAuthenticate(deps: AuthenticateDeps): Authenticate {
  const { db, clock, cache, lastSeen, validity } = deps

  /** The client has its new tokens: the ones before are no longer needed. */
  async function confirm(row: TokenRow): Promise<void> {
    await db.write('confirm tokens', async (tx) => {
      cache.invalidate(tx)
      await confirmPair(tx, row, clock.now())
    })
  }

  return async (token, options) => {
    const appservice = deps.appservices.byToken(token)
    if (appservice) return actAs(deps, appservice, options)
    const hash = hashToken(token)
    const row = cache.get(hash) ?? (await cache.load(hash, () => db.read((reader) => getByAccessHash(reader, hash))))
    if (!row || row.deactivated_ts !== null) throw errors.unknownToken()
    if (row.expires_ts !== null && row.expires_ts <= clock.now()) {
      throw errors.unknownToken({ softLogout: true }, 'The access token has expired')
    }
    if (row.is_locked === 1 && !options.allowLocked) throw errors.userLocked()
    const endsTs = validity.endOf(factsOf(row))
    if (endsTs !== undefined && endsTs <= clock.now() && !options.allowExpired) throw errors.expiredAccount()
    if (row.is_used === 0) await confirm(row)
    lastSeen.touch({
      userId: row.user_id,
      deviceId: row.device_id,
      ts: clock.now(),
      ip: options.ip,
      userAgent: options.userAgent,
    })
    return requesterOf(row, endsTs)
  }
}

function factsOf(row: TokenRow) {
  return {
    expiresTs: row.account_expires_ts ?? undefined,
    isAdmin: row.is_admin === 1,
    appserviceId: row.appservice_id ?? undefined,
    userType: row.user_type ?? undefined,
  }
}

function requesterOf(row: TokenRow, endsTs: number | undefined): Requester {
  return {
    // Only valid ids are stored.
    userId: row.user_id as UserId,
    deviceId: row.device_id as DeviceId,
    sessionId: row.session_id,
    isGuest: row.is_guest === 1,
    isAdmin: row.is_admin === 1,
    ...(endsTs !== undefined && { endsTs }),
  }
}

/** https://spec.matrix.org/v1.19/application-service-api/#identity-assertion */
async function actAs(
  deps: AuthenticateDeps,
  appservice: Appservice,
  { userIdParam, deviceIdParam, allowLocked, allowExpired, ip, userAgent }: AuthenticateOptions,
): Promise<Requester> {
  const { db, serverName, lastSeen, clock, validity } = deps
  const userId = userIdParam ?? appservice.senderUserId
  if (!isUserId(userId) || serverOf(userId) !== serverName || !appservice.isInterestedIn(userId)) {
    throw errors.forbidden('The application service cannot act for this user')
  }
  const found = await db.read(async (reader) => ({
    user: await getStoredUser(reader, userId),
    device: deviceIdParam === undefined ? undefined : await getDeviceRow(reader, userId, deviceIdParam),
  }))
  const user = found.user ?? (await makeOwnUser(deps, appservice, userId))
  if (!user) throw errors.forbidden('The application service has not registered this user')
  if (user.isDeactivated) throw errors.userDeactivated()
  if (user.isLocked && !allowLocked) throw errors.userLocked()
  if (validity.isExpired(user) && !allowExpired) throw errors.expiredAccount()
  if (deviceIdParam !== undefined && !found.device) throw errors.unknownDevice()
  const deviceId = found.device?.deviceId
  if (deviceId !== undefined) lastSeen.touch({ userId, deviceId, ts: clock.now(), ip, userAgent })
  return { userId, deviceId, sessionId: undefined, isGuest: false, isAdmin: user.isAdmin, appservice }
}

/** Services may use their own user without registering it. */
async function makeOwnUser({ db, users }: AuthenticateDeps, appservice: Appservice, userId: UserId) {
  if (userId !== appservice.senderUserId) return undefined
  return db.write('user of application service', async (tx) => {
    const before = await getStoredUser(tx, userId)
    if (before) return before
    await users.insert(tx, { userId, appserviceId: appservice.id })
    return getStoredUser(tx, userId)
  })
}
