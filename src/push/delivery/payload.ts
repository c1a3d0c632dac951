/** What push gateways are told: https://spec.matrix.org/v1.19/push-gateway-api/#post_matrixpushv1notify */
import type { JsonObject } from '../../matrix/event.ts'
import type { PushVerdict } from '../../matrix/push-rules.ts'
import type { StoredEvent } from '../../rooms/types.ts'

/** The parts of a pusher that go out with each notification. */
export interface PushTarget {
  readonly userId: string
  readonly appId: string
  readonly pushkey: string
  /** When the application set its pusher last, in ms. */
  readonly setTs: number
  readonly data: JsonObject
}

export interface PushContent {
  readonly event: StoredEvent
  readonly roomId: string
  readonly verdict: PushVerdict
  readonly senderName?: string | undefined
  readonly roomName?: string | undefined
  readonly roomAlias?: string | undefined
}

/** https://github.com/matrix-org/matrix-spec-proposals/pull/4076: the application counts by itself. */
export function wantsBadge({ data }: Pick<PushTarget, 'data'>): boolean {
  return data['org.matrix.msc4076.disable_badge_count'] !== true && data.disable_badge_count !== true
}

/** The body about one event. */
export function eventNotification(target: PushTarget, content: PushContent, unread: number): JsonObject {
  const { event, roomId, verdict } = content
  const notification: JsonObject = { event_id: event.eventId, room_id: roomId, prio: priorityOf(content) }
  if (wantsBadge(target)) notification.counts = unread > 0 ? { unread } : {}
  if (target.data.format === 'event_id_only') {
    notification.devices = [deviceOf(target)]
    return { notification }
  }
  const { type, sender, content: body, state_key: stateKey } = event.pdu
  Object.assign(notification, { type, sender, content: body })
  if (content.senderName !== undefined) notification.sender_display_name = content.senderName
  if (content.roomName !== undefined) notification.room_name = content.roomName
  if (content.roomAlias !== undefined) notification.room_alias = content.roomAlias
  if (type === 'm.room.member' && stateKey === target.userId) notification.user_is_target = true
  notification.devices = [{ ...deviceOf(target), tweaks: { ...verdict.tweaks } }]
  return { notification }
}

/** The body that only says how much is unread. A zero is said here: it is all that there is to say. */
export function badgeNotification(target: PushTarget, unread: number): JsonObject {
  return { notification: { prio: 'low', counts: { unread }, devices: [deviceOf(target)] } }
}

/** High for what makes a noise or may do so: nobody but the client knows what an encrypted event says. */
function priorityOf({ event, verdict }: PushContent): 'high' | 'low' {
  const isLoud = verdict.highlight || verdict.tweaks.sound !== undefined
  return isLoud || event.pdu.type === 'm.room.encrypted' ? 'high' : 'low'
}

function deviceOf({ appId, pushkey, setTs, data }: PushTarget): JsonObject {
  const { url: _url, ...rest } = data
  return { app_id: appId, pushkey, pushkey_ts: Math.floor(setTs / 1000), data: rest }
}
