import type { Reader, Tx } from '../db/database.ts'
import type { Pdu } from '../matrix/event.ts'
import type { EventId } from '../matrix/ids.ts'
import { redact } from '../matrix/redact.ts'
import type { RoomVersionRules } from '../matrix/room-versions.ts'
import type { EventCache } from './event-cache.ts'
import { getEventById, replaceWithRedacted } from './store-events.ts'
import { clearMemberProfile } from './store-members.ts'
import { deleteRelation } from './store-relations.ts'
import type { Room, StoredEvent } from './types.ts'

/** The event that a redaction is for, wherever its room version writes it. */
export function redactsOf(pdu: Pdu, rules: RoomVersionRules): EventId | undefined {
  const target = rules.redactsInContent ? pdu.content.redacts : pdu.redacts
  return typeof target === 'string' ? (target as EventId) : undefined
}

/** The target of a redaction if it is an event of this room that is not redacted yet. */
async function getRedactionTarget(
  reader: Reader,
  room: Pick<Room, 'nid' | 'rules'>,
  redaction: Pdu,
): Promise<StoredEvent | undefined> {
  const targetId = redactsOf(redaction, room.rules)
  const target = targetId === undefined ? undefined : await getEventById(reader, targetId)
  return target?.roomNid === room.nid ? target : undefined
}

/** Carries out an authorised redaction. Returns the target as it was; undefined where there is nothing to redact. */
export async function applyRedaction(
  events: EventCache,
  tx: Tx,
  room: Room,
  redaction: StoredEvent,
): Promise<StoredEvent | undefined> {
  const target = await getRedactionTarget(tx, room, redaction.pdu)
  if (target === undefined || target.redactedBy !== undefined) return undefined
  await redactStored(events, tx, room, target, redaction.eventId)
  return target
}

/** Writes the redacted form over an event, names what redacted it, and forgets what was derived from its content. */
export async function redactStored(
  events: EventCache,
  tx: Tx,
  room: Room,
  target: StoredEvent,
  redactedBy: EventId,
): Promise<void> {
  await replaceWithRedacted(tx, target.nid, redact(target.pdu, room.rules), redactedBy)
  await deleteRelation(tx, target)
  if (target.pdu.type === 'm.room.member') await clearMemberProfile(tx, room.nid, target)
  events.forgetAfterCommit(tx, target.nid)
}
