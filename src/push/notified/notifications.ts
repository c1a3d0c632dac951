import type { Database, Reader } from '../../db/database.ts'
import type { Json, JsonObject } from '../../matrix/event.ts'
import type { PushVerdict } from '../../matrix/push-rules.ts'
import type { Audience } from '../../rooms/client-event.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import type { ListNotified, Notified } from './notified.ts'

export interface NotificationsRequest {
  /** Stream position to begin at, going back; undefined: the newest. */
  readonly from: number | undefined
  readonly limit: number
  readonly onlyHighlights: boolean
}

export interface NotificationList {
  readonly notifications: JsonObject[]
  /** Where older ones begin; undefined where there are none. */
  readonly next: number | undefined
}

export type Notifications = (audience: Audience, request: NotificationsRequest) => Promise<NotificationList>

interface Deps {
  readonly db: Database
  readonly reads: Pick<RoomReads, 'clientEvents'>
  readonly list: ListNotified
}

/** The user's notifications as clients page through them, newest first. */
export function createNotifications({ db, reads, list }: Deps): Notifications {
  async function format(reader: Reader, audience: Audience, one: Notified): Promise<JsonObject[]> {
    const [event] = await reads.clientEvents.format(reader, one.room, [one.event], audience, { omitRoomId: true })
    if (event === undefined) return []
    const { room, isRead: read, verdict } = one
    return [{ actions: actionsOf(verdict), event, read, room_id: room.roomId, ts: event.origin_server_ts }]
  }

  return (audience, { from, limit, onlyHighlights }) =>
    db.read(async (reader) => {
      const only = onlyHighlights ? 'highlight' : undefined
      const { found, next } = await list(reader, audience.userId, { after: 0, upTo: from, limit, only })
      const notifications: JsonObject[] = []
      for (const one of found) notifications.push(...(await format(reader, audience, one)))
      return { notifications, next }
    })
}

function actionsOf({ tweaks }: PushVerdict): Json[] {
  const tweak = ([name, value]: [string, Json]): JsonObject =>
    name === 'highlight' && value === true ? { set_tweak: name } : { set_tweak: name, value }
  return ['notify', ...Object.entries(tweaks).map(tweak)]
}
