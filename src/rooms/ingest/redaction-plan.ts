import type { Reader, Tx } from '../../db/database.ts'
import type { Pdu } from '../../matrix/event.ts'
import type { EventId } from '../../matrix/ids.ts'
import type { EventCache } from '../event-cache.ts'
import { redactsOf } from '../redactions.ts'
import type { RoomView } from '../room-view.ts'
import { getEventById } from '../store-events.ts'
import type { Room, StoredEvent } from '../types.ts'
import { mayRedact } from './redaction-right.ts'
import { deleteWaitingRedactions, listWaitingRedactions } from './store-places.ts'

export interface RedactionPlan {
  /** Whether the event is kept from clients: it redacts nothing that it may redact, at least not yet. */
  readonly isHidden: boolean
  /** The event that it waits for. */
  readonly waitsFor: EventId | undefined
  readonly isCarriedOut: boolean
}

const noRedaction: RedactionPlan = { isHidden: false, waitsFor: undefined, isCarriedOut: false }

/** What comes of a redaction: before version 3 it has been allowed as an event, later it is judged by its target. */
export async function planRedaction(
  reader: Reader,
  view: RoomView,
  room: Room,
  redaction: { readonly pdu: Pdu; readonly beforeNid: number | undefined },
): Promise<RedactionPlan> {
  if (redaction.pdu.type !== 'm.room.redaction') return noRedaction
  const targetId = redactsOf(redaction.pdu, room.rules)
  if (targetId === undefined) return noRedaction
  const isHidden = !room.rules.redactionAuth
  const target = await getEventById(reader, targetId)
  if (target === undefined) return { isHidden, waitsFor: targetId, isCarriedOut: false }
  const isAllowed = target.roomNid === room.nid && (await mayRedact(reader, view, room, redaction, target.pdu))
  return { isHidden: isHidden && !isAllowed, waitsFor: undefined, isCarriedOut: isAllowed }
}

/** The redactions that have waited for an event and may redact it; they wait no more. */
export async function takeWaitingRedactions(
  tx: Tx,
  deps: { readonly view: RoomView; readonly events: EventCache },
  room: Room,
  target: StoredEvent,
): Promise<StoredEvent[]> {
  const nids = await listWaitingRedactions(tx, target.eventId)
  if (nids.length === 0) return []
  await deleteWaitingRedactions(tx, target.eventId)
  const waiting = [...(await deps.events.list(tx, nids)).values()]
  const allowed: StoredEvent[] = []
  for (const redaction of waiting.sort((a, b) => a.nid - b.nid)) {
    const isOfRoom = redaction.roomNid === room.nid
    if (isOfRoom && (await mayRedact(tx, deps.view, room, redaction, target.pdu))) allowed.push(redaction)
  }
  return allowed
}
