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
  /** The name in the call of the user whom the token proves. */
  identityOf(userId: UserId): string
}

const id = z.string().min(1).max(255)
const roomId = z.string().refine(isRoomId, { error: 'must be a room id' })
/** With a port in front it would make `@x:example.org` look like somebody of `example.org:8448`. */
const legacyDeviceId = id.regex(/^(?!\d{1,5}:)/, { error: 'must not look like a port' })

const openidToken = z.object({
  access_token: z.string().min(1).max(8192),
  matrix_server_name: z.string().refine(isServerName, { error: 'must be the name of a server' }),
})

/** Calls in a room have this slot unless somebody says otherwise. */
const roomSlot = 'm.call#ROOM'

/** `/sfu/get`, from before there were slots. */
export const legacyRequest = z.object({ room: roomId, openid_token: openidToken, device_id: legacyDeviceId }).transform(
  ({ room, openid_token: token, device_id: deviceId }): Applicant => ({
    roomId: room,
    slotId: roomSlot,
    deviceId,
    token: token.access_token,
    serverName: token.matrix_server_name,
    claimedUserId: undefined,
    identityOf: (userId) => `${userId}:${deviceId}`,
  }),
)

/** `/get_token` */
export const slotRequest = z
  .object({
    room_id: roomId,
    slot_id: id,
    openid_token: openidToken,
    member: z.object({ id, claimed_user_id: id, claimed_device_id: id }),
  })
  .transform(
    ({ room_id, slot_id: slotId, openid_token: token, member }): Applicant => ({
      roomId: room_id,
      slotId,
      deviceId: member.claimed_device_id,
      token: token.access_token,
      serverName: token.matrix_server_name,
      claimedUserId: member.claimed_user_id,
      identityOf: (userId) => hashOf([userId, member.claimed_device_id, member.id]),
    }),
  )

/** The name of a call's room at LiveKit, which tells nothing of ours. */
export const livekitRoomOf = (roomId: string, slotId: string): string => hashOf([roomId, slotId])

/** Where calls go, as clients look for it. */
export const transportOf = (publicUrl: string): JsonObject => ({
  type: 'livekit',
  livekit_service_url: publicUrl + servicePath,
})

function hashOf(parts: string[]): string {
  return encodeBase64(createHash('sha256').update(canonicalJson(parts)).digest())
}
