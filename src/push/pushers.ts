import type { Database } from '../db/database.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { DeviceId, UserId } from '../matrix/ids.ts'
import type { Clock } from '../util/clock.ts'
import {
  deletePusherRow,
  deletePushersOfOthers,
  listPusherRows,
  type PusherRow,
  putPusherRow,
} from './store-pushers.ts'

/** How an application of a user wants to be told of notifications. */
export interface Pusher {
  readonly appId: string
  readonly pushkey: string
  readonly kind: string
  readonly appDisplayName: string
  readonly deviceDisplayName: string
  readonly profileTag: string | undefined
  readonly lang: string
  readonly data: JsonObject
}

export interface Pushers {
  list(userId: UserId): Promise<Pusher[]>
  /**
   * Adds or replaces the pusher of this application and key. Unless `append` is set, other users lose theirs: the device
   * has changed hands. Throws `M_INVALID_PARAM` for a kind or a gateway that cannot be used.
   */
  set(owner: { userId: UserId; deviceId: DeviceId | undefined }, pusher: Pusher, append: boolean): Promise<void>
  delete(userId: UserId, appId: string, pushkey: string): Promise<void>
}

export function createPushers({ db, clock }: { db: Database; clock: Clock }): Pushers {
  return {
    list: async (userId) => (await db.read((reader) => listPusherRows(reader, userId))).map(toPusher),
    set: async ({ userId, deviceId }, pusher, append) => {
      checkPusher(pusher)
      await db.write('set pusher', async (tx) => {
        if (!append) await deletePushersOfOthers(tx, userId, pusher.appId, pusher.pushkey)
        await putPusherRow(tx, {
          user_id: userId,
          app_id: pusher.appId,
          pushkey: pusher.pushkey,
          device_id: deviceId ?? null,
          kind: pusher.kind,
          app_display_name: pusher.appDisplayName,
          device_display_name: pusher.deviceDisplayName,
          profile_tag: pusher.profileTag ?? null,
          lang: pusher.lang,
          data: JSON.stringify(pusher.data),
          created_ts: clock.now(),
        })
      })
    },
    delete: (userId, appId, pushkey) => db.write('delete pusher', (tx) => deletePusherRow(tx, userId, appId, pushkey)),
  }
}

function toPusher(row: PusherRow): Pusher {
  return {
    appId: row.app_id,
    pushkey: row.pushkey,
    kind: row.kind,
    appDisplayName: row.app_display_name,
    deviceDisplayName: row.device_display_name,
    profileTag: row.profile_tag ?? undefined,
    lang: row.lang,
    data: JSON.parse(row.data) as JsonObject,
  }
}

const gatewayPath = '/_matrix/push/v1/notify'

function checkPusher({ appId, pushkey, kind, data }: Pusher): void {
  if (Buffer.byteLength(pushkey) > 512) throw errors.invalidParam('pushkey has at most 512 bytes')
  if ([...appId].length > 64) throw errors.invalidParam('app_id has at most 64 characters')
  if (kind !== 'http') throw errors.invalidParam('Only pushers of kind "http" can be set')
  if (typeof data.url !== 'string') throw errors.missingParam('data.url is required')
  const url = URL.canParse(data.url) ? new URL(data.url) : undefined
  // Plain HTTP is what gateways on the same machine or behind a proxy speak.
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || url.pathname !== gatewayPath) {
    throw errors.invalidParam(`data.url must be an HTTPS URL with the path ${gatewayPath}`)
  }
}
