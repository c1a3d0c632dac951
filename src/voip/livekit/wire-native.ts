/**
 * The forms of the client-server and server-server APIs: https://github.com/matrix-org/matrix-spec-proposals/pull/4195
 * Requests of September 2026 name a `member_id`, those of July a `member`.
 */
import { z } from 'zod'
import type { JsonObject } from '../../matrix/event.ts'
import { isServerName, isUserId, type RoomId, type ServerName, type UserId } from '../../matrix/ids.ts'
import { hashOf, id, roomId } from './wire.ts'

/** A place in a call, for a user that is known otherwise. */
export interface Seat {
  readonly roomId: RoomId
  readonly slotId: string
  /** The LiveKit server; undefined where the request does not say. */
  readonly url: string | undefined
  /** Whose LiveKit server that is; undefined: ours. */
  readonly serverName: ServerName | undefined
  readonly claimedUserId: string | undefined
  readonly claimedDeviceId: string | undefined
  /** Whether it has the form of July, which has refusals of its own. */
  readonly isJuly: boolean
  identityOf(userId: UserId): string
  /** What another server is asked. */
  readonly forwarded: JsonObject
}

const member = z.looseObject({ id, claimed_user_id: id.optional(), claimed_device_id: id })

const keys = {
  server_name: z.string().refine(isServerName, { error: 'must be the name of a server' }).optional(),
  url: z.string().max(2048).optional(),
  room_id: roomId,
  slot_id: id,
  member_id: id.optional(),
  member: member.optional(),
}
const shape = z.object(keys)

function seatOf({ server_name, url, room_id, slot_id, member_id, member }: z.output<typeof shape>): Seat {
  const memberId = member?.id ?? member_id ?? ''
  return {
    roomId: room_id,
    slotId: slot_id,
    url,
    serverName: server_name,
    claimedUserId: member?.claimed_user_id,
    claimedDeviceId: member?.claimed_device_id,
    isJuly: member !== undefined,
    identityOf: (userId) => hashOf(member ? [userId, member.claimed_device_id, memberId] : [userId, memberId]),
    forwarded: {
      ...(url !== undefined && { url }),
      room_id,
      slot_id,
      ...(member === undefined ? { member_id: memberId } : { member: member as JsonObject }),
    },
  }
}

const hasMember = ({ member, member_id }: { member?: object | undefined; member_id?: string | undefined }) =>
  member !== undefined || member_id !== undefined
const missing = { error: 'is missing', path: ['member_id'] }

/** `POST /_matrix/client/v1/rtc/livekit/get_token` */
export const clientTokenRequest = shape.refine(hasMember, missing).transform(seatOf)

/** `POST /_matrix/client/v1/rtc/livekit/delegate_delayed_leave` */
export const clientDelegation = z
  .object({ ...keys, delay_id: id })
  .refine(hasMember, missing)
  .transform(({ delay_id: delayId, ...rest }) => ({ ...seatOf(rest), serverName: undefined, delayId }))

/** `POST /_matrix/federation/v1/rtc/livekit/get_token`; in July the user was only named in `member`. */
export const serverTokenRequest = z
  .object({ ...keys, user_id: z.string().optional() })
  .refine(hasMember, missing)
  .transform(({ user_id, ...rest }, context) => {
    const userId = user_id ?? rest.member?.claimed_user_id
    if (userId !== undefined && isUserId(userId)) return { ...seatOf(rest), serverName: undefined, userId }
    context.addIssue({ code: 'custom', message: 'must be a user id', path: ['user_id'] })
    return z.NEVER
  })
