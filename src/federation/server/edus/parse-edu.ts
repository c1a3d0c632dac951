import { z } from 'zod'
import { errors } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import { hasRoomIdShape, isEventId, isUserId, type ServerName, serverOf, type UserId } from '../../../matrix/ids.ts'

export const userId = z.string().refine(isUserId)
export const roomId = z.string().refine(hasRoomIdShape)
export const eventId = z.string().refine(isEventId)

/** The content of an EDU. Throws a `MatrixError` where it has not the form. */
export function parseEdu<T>(schema: z.ZodType<T>, content: JsonObject): T {
  const parsed = schema.safeParse(content)
  if (!parsed.success) throw errors.badJson(parsed.error.issues[0]?.message ?? 'malformed')
  return parsed.data
}

/** A server speaks for its own users. Throws `403`. */
export function requireUserOf(origin: ServerName, user: UserId): void {
  if (serverOf(user) !== origin) throw errors.forbidden(`${origin} does not speak for that user`)
}
