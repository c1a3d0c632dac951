import type { Database } from '../db/database.ts'
import type { Authenticate, AuthenticateOptions } from '../http/auth.ts'
import type { Requester } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import { type DeviceId, isUserId, type ServerName, serverOf, type UserId } from '../matrix/ids.ts'
import type { Clock } from '../util/clock.ts'
import type { LastSeen } from './last-seen.ts'
import { getDeviceRow } from './store-devices.ts'
import { confirmPair, getByAccessHash, type TokenRow } from './store-sessions.ts'
import { getStoredUser } from './store-users.ts'
import type { TokenCache } from './token-cache.ts'
import { hashToken } from './tokens.ts'
import type { Appservice, Appservices } from './types.ts'

export interface AuthenticateDeps {
  readonly db: Database
  readonly clock: Clock
  readonly serverName: ServerName
  readonly cache: TokenCache
  readonly lastSeen: LastSeen
  appservices(): Appservices
}

/** Says whose access token it is; an expired one is a soft logout, after which the client keeps its keys. */
export function createAuthenticate(deps: AuthenticateDeps): Authenticate {
  const { db, clock, cache, lastSeen } = deps

  /** The client has its new tokens: the ones before are no longer needed. */
  async function confirm(row: TokenRow): Promise<void> {
    await db.write('confirm tokens', async (tx) => {
      cache.invalidate(tx)
      await confirmPair(tx, row, clock.now())
    })
  }

  return async (token, options) => {
    const appservice = deps.appservices().byToken(token)
    if (appservice) return actAs(deps, appservice, options)
    const hash = hashToken(token)
    const row = cache.get(hash) ?? (await cache.load(hash, () => db.read((reader) => getByAccessHash(reader, hash))))
    if (!row || row.deactivated_ts !== null) throw errors.unknownToken()
    if (row.expires_ts !== null && row.expires_ts <= clock.now()) {
      throw errors.unknownToken({ softLogout: true }, 'The access token has expired')
    }
    if (row.is_locked === 1 && !options.allowLocked) throw errors.userLocked()
    if (row.is_used === 0) await confirm(row)
    lastSeen.touch({
      userId: row.user_id,
      deviceId: row.device_id,
      ts: clock.now(),
      ip: options.ip,
      userAgent: options.userAgent,
    })
    return requesterOf(row)
  }
}

function requesterOf(row: TokenRow): Requester {
  return {
    // Only valid ids are stored.
    userId: row.user_id as UserId,
    deviceId: row.device_id as DeviceId,
    sessionId: row.session_id,
    isGuest: row.is_guest === 1,
    isAdmin: row.is_admin === 1,
  }
}

/** https://spec.matrix.org/v1.19/application-service-api/#identity-assertion */
async function actAs(
  { db, serverName }: AuthenticateDeps,
  appservice: Appservice,
  { userIdParam, deviceIdParam, allowLocked }: AuthenticateOptions,
): Promise<Requester> {
  const userId = userIdParam ?? appservice.senderUserId
  const isOwn = userId === appservice.senderUserId
  if (!isUserId(userId) || serverOf(userId) !== serverName || !(isOwn || appservice.isInterestedIn(userId))) {
    throw errors.forbidden('The application service cannot act for this user')
  }
  const { user, device } = await db.read(async (reader) => ({
    user: await getStoredUser(reader, userId),
    device: deviceIdParam === undefined ? undefined : await getDeviceRow(reader, userId, deviceIdParam),
  }))
  if (!user && !isOwn) throw errors.forbidden('The application service has not registered this user')
  if (user?.isLocked && !allowLocked) throw errors.userLocked()
  if (deviceIdParam !== undefined && !device) throw errors.unknownDevice()
  return {
    userId,
    deviceId: device?.deviceId,
    sessionId: undefined,
    isGuest: false,
    isAdmin: user?.isAdmin ?? false,
    appservice,
  }
}
