import type { Database, Reader, Tx } from '../db/database.ts'
import type { Streams } from '../db/streams.ts'
import { errors } from '../matrix/errors.ts'
import { type DeviceId, isDeviceId, type UserId } from '../matrix/ids.ts'
import type { Clock } from '../util/clock.ts'
import type { AccountHooks } from './hooks.ts'
import { deleteDevice, insertDevice, listDeviceRows } from './store-devices.ts'
import {
  confirmPair,
  deleteLaterPairs,
  deleteSession,
  getByRefreshHash,
  insertPair,
  insertSession,
} from './store-sessions.ts'
import type { TokenCache } from './token-cache.ts'
import { hashToken, newDeviceId, newToken } from './tokens.ts'
import type { Grant } from './types.ts'

export interface SessionLifetimes {
  /** Of access tokens that can be refreshed, in ms. */
  readonly refreshable: number
  /** Of other access tokens; undefined: for ever. */
  readonly unrefreshable: number | undefined
  /** How long after its access token expired a refresh token still works; undefined: for ever. */
  readonly dormant: number | undefined
}

export interface SessionRequest {
  readonly userId: UserId
  readonly deviceId?: string | undefined
  /** Name of the device, if it is new. */
  readonly displayName?: string | undefined
  readonly refreshable?: boolean | undefined
}

export interface Sessions {
  /** Logs a user in. A device that exists is logged in again: its earlier tokens end, its keys stay. */
  start(tx: Tx, request: SessionRequest): Promise<Grant>
  /** Exchanges a refresh token; the old one works until either new token is used. Throws `M_UNKNOWN_TOKEN`. */
  refresh(refreshToken: string): Promise<Omit<Grant, 'sessionId'>>
  /** Logs a device out and deletes it with everything that hangs on it. */
  end(tx: Tx, userId: UserId, deviceId: DeviceId): Promise<void>
  /** Logs all devices of a user out, except perhaps one. */
  endAll(tx: Tx, userId: UserId, except?: DeviceId): Promise<void>
}

export interface SessionsDeps {
  readonly db: Database
  readonly streams: Streams
  readonly clock: Clock
  readonly hooks: AccountHooks
  readonly cache: TokenCache
  readonly lifetimes: SessionLifetimes
}

export function createSessions({ db, streams, clock, hooks, cache, lifetimes }: SessionsDeps): Sessions {
  async function issue(tx: Tx, sessionId: number, refreshable: boolean, isUsed: boolean) {
    const accessToken = newToken('access')
    const refreshToken = refreshable ? newToken('refresh') : undefined
    const expiresInMs = refreshable ? lifetimes.refreshable : lifetimes.unrefreshable
    await insertPair(tx, {
      sessionId,
      accessHash: hashToken(accessToken),
      refreshHash: refreshToken && hashToken(refreshToken),
      expiresTs: expiresInMs === undefined ? undefined : clock.now() + expiresInMs,
      isUsed,
    })
    return { accessToken, refreshToken, expiresInMs }
  }

  async function checkDeviceId(reader: Reader, userId: UserId, deviceId: string): Promise<DeviceId> {
    if (!isDeviceId(deviceId)) throw errors.invalidParam('device_id must have 1 to 255 bytes')
    for (const check of hooks.deviceIdCheck) await check(reader, { userId, deviceId })
    return deviceId
  }

  async function end(tx: Tx, userId: UserId, deviceId: DeviceId): Promise<void> {
    cache.invalidate(tx)
    // A sync of the device that waits ends at once.
    streams.notify(tx, { users: [userId] })
    await deleteSession(tx, userId, deviceId)
    if (!(await deleteDevice(tx, userId, deviceId))) return
    for (const hook of hooks.sessionEnd) await hook(tx, { userId, deviceId })
  }

  return {
    start: async (tx, { userId, deviceId: wanted, displayName, refreshable = false }) => {
      const deviceId = await checkDeviceId(tx, userId, wanted ?? newDeviceId())
      if (!(await insertDevice(tx, { userId, deviceId, displayName, createdTs: clock.now() }))) {
        cache.invalidate(tx)
        await deleteSession(tx, userId, deviceId)
      }
      const sessionId = await insertSession(tx, userId, deviceId, clock.now())
      return { userId, deviceId, sessionId, ...(await issue(tx, sessionId, refreshable, true)) }
    },
    refresh: (refreshToken) =>
      db.write('refresh', async (tx) => {
        const row = await getByRefreshHash(tx, hashToken(refreshToken))
        if (!row || row.deactivated_ts !== null) throw errors.unknownToken({}, 'The refresh token is not known')
        if (row.is_locked === 1) throw errors.userLocked()
        const { expires_ts: expired } = row
        if (lifetimes.dormant !== undefined && expired !== null && expired + lifetimes.dormant < clock.now()) {
          throw errors.unknownToken({ softLogout: true }, 'The refresh token has expired')
        }
        cache.invalidate(tx)
        if (row.is_used === 0) await confirmPair(tx, row, clock.now())
        await deleteLaterPairs(tx, row.session_id, row.token_nid)
        const pair = await issue(tx, row.session_id, true, false)
        return { userId: row.user_id as UserId, deviceId: row.device_id as DeviceId, ...pair }
      }),
    end,
    endAll: async (tx, userId, except) => {
      for (const { deviceId } of await listDeviceRows(tx, userId)) {
        if (deviceId !== except) await end(tx, userId, deviceId)
      }
    },
  }
}
