import type { JsonObject } from '../matrix/event.ts'
import type { PusherRow } from './store-pushers.ts'

/** The application that pushers of kind `email` belong to. */
export const emailAppId = 'm.email'

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
  /** Pushers that are not enabled are kept and send nothing. */
  readonly enabled: boolean
  /** The device that it belongs to; in a request: the one that it is known to belong to. */
  readonly deviceId: string | undefined
}

export function toPusher(row: PusherRow): Pusher {
  return {
    appId: row.app_id,
    pushkey: row.pushkey,
    kind: row.kind,
    appDisplayName: row.app_display_name,
    deviceDisplayName: row.device_display_name,
    profileTag: row.profile_tag ?? undefined,
    lang: row.lang,
    data: JSON.parse(row.data) as JsonObject,
    enabled: row.enabled === 1,
    deviceId: row.device_id ?? undefined,
  }
}
