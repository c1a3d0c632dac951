/** What clients and LiveKit are told, and what clients ask for: https://github.com/matrix-org/matrix-spec-proposals/pull/4195 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { encodeBase64 } from '../../matrix/base64.ts'
import { canonicalJson } from '../../matrix/canonical-json.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { isRoomId, isServerName, type RoomId, type ServerName, type UserId } from '../../matrix/ids.ts'

/** The first part of the addresses that clients put `/sfu/get` and the like behind. */
export const servicePath = '/livekit/jwt'

/** Somebody who wants to take part in a call. */
export interface Applicant {
  readonly roomId: RoomId
  readonly slotId: string
  readonly deviceId: string
  readonly token: string
  /** Whose user the token is said to prove. */
  readonly serverName: ServerName
  /** Who it is said to be; undefined where the request does not say. */
  readonly claimedUserId: string | undefined
  /** The delayed event by which they leave; undefined: they see to it themselves. */
  readonly delayId: string | undefined
  /** The name in the call of the user whom the token proves. */
  identityOf(userId: UserId): string
}

export const id = z.string().min(1).max(255)
export const roomId = z.string().refine(isRoomId, { error: 'must be a room id' })
/** With a port in front it would make `@x:example.org` look like somebody of `example.org:8448`. */
const legacyDeviceId = id.regex(/^(?!\d{1,5}:)/, { error: 'must not look like a port' })

const openidToken = z.object({
  access_token: z.string().min(1).max(8192),
  matrix_server_name: z.string().refine(isServerName, { error: 'must be the name of a server' }),
})

/** Calls in a room have this slot unless somebody says otherwise. */
const roomSlot = 'm.call#ROOM'

/** Apps also say how long the delay is and where it began, both of which this server knows of its own. */
const delayId = id.optional()

/** `/sfu/get`, from before there were slots. */
export const legacyRequest = z
  .object({ room: roomId, openid_token: openidToken, device_id: legacyDeviceId, delay_id: delayId })
  .transform(
    ({ room, openid_token: token, device_id: deviceId, delay_id }): Applicant => ({
      roomId: room,
      slotId: roomSlot,
      deviceId,
      token: token.access_token,
      serverName: token.matrix_server_name,
      claimedUserId: undefined,
      delayId: delay_id,
      identityOf: (userId) => `${userId}:${deviceId}`,
    }),
  )

const slotKeys = {
  room_id: roomId,
  slot_id: id,
  openid_token: openidToken,
  member: z.object({ id, claimed_user_id: id, claimed_device_id: id }),
}
const slotShape = z.object({ ...slotKeys, delay_id: delayId })

function slotApplicant({ openid_token: token, member, ...rest }: z.output<typeof slotShape>): Applicant {
  return {
    roomId: rest.room_id,
    slotId: rest.slot_id,
    deviceId: member.claimed_device_id,
    token: token.access_token,
    serverName: token.matrix_server_name,
    claimedUserId: member.claimed_user_id,
    delayId: rest.delay_id,
    identityOf: (userId) => hashOf([userId, member.claimed_device_id, member.id]),
  }
}

/** `/get_token` */
export const slotRequest = slotShape.transform(slotApplicant)

/** `/delegate_delayed_leave` */
export const slotDelegation = z
  .object({ ...slotKeys, delay_id: id })
  .transform((body) => ({ ...slotApplicant(body), delayId: body.delay_id }))

/** The name of a call's room at LiveKit, which tells nothing of ours. */
export const livekitRoomOf = (roomId: string, slotId: string): string => hashOf([roomId, slotId])

/** Where calls go, as clients look for it. */
export const transportOf = (publicUrl: string): JsonObject => ({
  type: 'livekit',
  livekit_service_url: publicUrl + servicePath,
})

export function hashOf(parts: string[]): string {
  return encodeBase64(createHash('sha256').update(canonicalJson(parts)).digest())
}
