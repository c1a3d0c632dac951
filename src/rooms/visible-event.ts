import type { Reader } from '../db/database.ts'
import { errors } from '../matrix/errors.ts'
import type { UserId } from '../matrix/ids.ts'
import { getEventById } from './store-events.ts'
import type { Room, StoredEvent } from './types.ts'
import type { Visibility } from './visibility.ts'

/** An event of a room's timeline, or one that is sticky, that the user may see. Throws `404 M_NOT_FOUND` for all others. */
export async function requireVisibleEvent(
  reader: Reader,
  visibility: Visibility,
  room: Room,
  userId: UserId,
  eventId: string,
): Promise<StoredEvent> {
  const event = await getEventById(reader, eventId)
  if (event === undefined || event.roomNid !== room.nid) throw errors.notFound('No such event')
  const isInTimeline = event.status === 0 && event.streamPos !== undefined
  const [visible] = isInTimeline ? await visibility.filter(reader, room, userId, [event]) : []
  if (visible !== undefined) return visible
  if (await visibility.isAtHand(reader, room, userId, event)) return event
  throw errors.notFound('No such event')
}
