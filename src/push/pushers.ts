import type { Database, Tx } from '../db/database.ts'
import type { Streams } from '../db/streams.ts'
import { errors } from '../matrix/errors.ts'
import type { DeviceId, UserId } from '../matrix/ids.ts'
import type { Clock } from '../util/clock.ts'
import { checkPusher, gatewayOf, pushkeyOf } from './check-pusher.ts'
import type { EmailPushers } from './email/email-pushers.ts'
import { emailAppId, type Pusher, toPusher } from './pusher.ts'
import {
  deletePusherRow,
  deletePushersOfDevice,
  deletePushersOfOthers,
  listPusherRows,
  type PusherKey,
  type PusherRow,
  putPusherRow,
} from './store-pushers.ts'

type SetListener = (key: PusherKey, gateway: string) => void

export interface Pushers {
  list(userId: UserId): Promise<Pusher[]>
  /**
   * Adds or replaces the pusher of this application and key. Unless `append` is set, other users lose theirs: the device
   * has changed hands. Throws `M_INVALID_PARAM` for a kind or a gateway that cannot be used, `M_THREEPID_NOT_FOUND` for a
   * mail address that is not the user's.
   */
  set(owner: { userId: UserId; deviceId: DeviceId | undefined }, pusher: Pusher, append: boolean): Promise<void>
  delete(userId: UserId, appId: string, pushkey: string): Promise<void>
  deleteOfDevice(tx: Tx, userId: UserId, deviceId: DeviceId): Promise<void>
  /** Calls `listener` once a pusher that was set is on disk. */
  onSet(listener: SetListener): void
}

const maxPushers = 100

interface Deps {
  readonly db: Database
  readonly streams: Pick<Streams, 'positionIn'>
  readonly clock: Clock
  readonly emailPushers: EmailPushers
}

export function createPushers({ db, streams, clock, emailPushers }: Deps): Pushers {
  const listeners: SetListener[] = []

  async function put(tx: Tx, owner: { userId: UserId; deviceId: DeviceId | undefined }, pusher: Pusher) {
    const { userId } = owner
    const rows = await listPusherRows(tx, userId)
    const before = rows.find((row) => row.app_id === pusher.appId && row.pushkey === pusher.pushkey)
    if (before === undefined && rows.length >= maxPushers) {
      throw errors.invalidParam(`You have ${maxPushers} pushers already`)
    }
    const wasEnabled = before?.enabled === 1
    const isEmail = pusher.kind === 'email'
    if (isEmail) await emailPushers.requireOwn(tx, userId, pusher.pushkey)
    const row: PusherRow = {
      user_id: userId,
      app_id: pusher.appId,
      pushkey: pusher.pushkey,
      kind: pusher.kind,
      app_display_name: pusher.appDisplayName,
      device_display_name: pusher.deviceDisplayName,
      profile_tag: pusher.profileTag ?? null,
      lang: pusher.lang,
      data: JSON.stringify(pusher.data),
      enabled: pusher.enabled ? 1 : 0,
      // Mail is for those who are logged in nowhere, too: it goes with the address.
      device_id: (isEmail ? undefined : owner.deviceId) ?? null,
      gateway: gatewayOf(pusher),
      created_ts: before?.created_ts ?? clock.now(),
      set_ts: clock.now(),
      // A new pusher begins now; one that is only set anew still owes what has not been delivered.
      position: wasEnabled && pusher.enabled ? before.position : await streams.positionIn(tx),
      badge: before?.badge ?? null,
      attempts: 0,
      retry_ts: isEmail && wasEnabled ? before.retry_ts : null,
      last_error: null,
      mailed: before?.mailed ?? null,
      unsubscribe_hash: before?.unsubscribe_hash ?? null,
    }
    const keepsDevice = before !== undefined && isOfOtherDevice(before, row, pusher.deviceId)
    await putPusherRow(tx, keepsDevice ? { ...row, device_id: before.device_id } : row)
  }

  return {
    list: async (userId) => (await db.read((reader) => listPusherRows(reader, userId))).map(toPusher),
    set: async (owner, given, append) => {
      checkPusher(given)
      const pusher = { ...given, pushkey: pushkeyOf(given) }
      const { appId, pushkey } = pusher
      const key = { userId: owner.userId, appId, pushkey }
      await db.write('set pusher', async (tx) => {
        if (!append) await deletePushersOfOthers(tx, key)
        await put(tx, owner, pusher)
        tx.afterCommit(() => {
          for (const listener of listeners) listener(key, gatewayOf(pusher))
        })
      })
    },
    delete: (userId, appId, pushkey) =>
      db.write('delete pusher', (tx) => {
        const key = { userId, appId, pushkey: pushkeyOf({ appId, pushkey }) }
        return appId === emailAppId ? emailPushers.remove(tx, key) : deletePusherRow(tx, key)
      }),
    deleteOfDevice: deletePushersOfDevice,
    onSet: (listener) => void listeners.push(listener),
  }
}

/**
 * Whether somebody looks after another device's pusher: it is named as that device's, or all that changes is whether it
 * is enabled. An application that sets its own pusher anew takes it to its present device.
 * https://github.com/matrix-org/matrix-spec-proposals/pull/3881
 */
function isOfOtherDevice(before: PusherRow, row: PusherRow, named: string | undefined): boolean {
  if (named !== undefined) return named === before.device_id
  const fixed = ['kind', 'app_display_name', 'device_display_name', 'profile_tag', 'lang', 'data'] as const
  return before.enabled !== row.enabled && fixed.every((field) => before[field] === row[field])
}
