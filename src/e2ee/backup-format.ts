import { z } from 'zod'
import type { JsonObject } from '../matrix/event.ts'
import { jsonObject } from './key-format.ts'
import type { Nested } from './nested.ts'
import type { BackedUpKey } from './store-backup-sessions.ts'

const index = z.int().min(0)

/** https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeysroomidsessionid */
export const backedUpKeySchema = z.object({
  first_message_index: index,
  forwarded_count: index,
  is_verified: z.boolean(),
  session_data: jsonObject,
})

export const roomKeysSchema = z.object({ sessions: z.record(z.string(), backedUpKeySchema) })

export function fromWire(key: z.output<typeof backedUpKeySchema>): BackedUpKey {
  return {
    firstMessageIndex: key.first_message_index,
    forwardedCount: key.forwarded_count,
    isVerified: key.is_verified,
    sessionData: JSON.stringify(key.session_data),
  }
}

export function fromWireRoom({ sessions }: z.output<typeof roomKeysSchema>): Map<string, BackedUpKey> {
  return new Map(Object.entries(sessions).map(([sessionId, key]) => [sessionId, fromWire(key)]))
}

export function toWire(key: BackedUpKey): JsonObject {
  return {
    first_message_index: key.firstMessageIndex,
    forwarded_count: key.forwardedCount,
    is_verified: key.isVerified,
    session_data: JSON.parse(key.sessionData),
  }
}

/** `{room_id: {sessions: {session_id: key}}}` */
export function toWireRooms(keys: Nested<BackedUpKey>): { [roomId: string]: { sessions: JsonObject } } {
  const rooms = [...keys].map(([roomId, sessions]) => [roomId, { sessions: toWireSessions(sessions) }])
  return Object.fromEntries(rooms)
}

export function toWireSessions(sessions: ReadonlyMap<string, BackedUpKey> = new Map()): JsonObject {
  return Object.fromEntries([...sessions].map(([sessionId, key]) => [sessionId, toWire(key)]))
}
