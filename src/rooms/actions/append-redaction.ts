import { errors } from '../../matrix/errors.ts'
import type { JsonObject, Pdu } from '../../matrix/event.ts'
import { type EventId, isEventId, serverOf } from '../../matrix/ids.ts'
import { actionPower, powerOf } from '../../matrix/power-levels.ts'
import type { Actor } from '../actor.ts'
import type { RoomDraft } from '../draft.ts'
import type { DraftEvent, Transaction } from '../event-template.ts'
import type { People } from '../people.ts'
import { getEventById } from '../store-events.ts'

export interface Redaction {
  readonly target: string
  /** The rest of the content: the reason, relations. */
  readonly content: JsonObject
  readonly transaction?: Transaction
  readonly originServerTs?: number
}

/**
 * Redacts one's own event, with the power to do so also others'. An event that this server does not have may be
 * redacted too: what comes of it shows when it arrives. Throws `403 M_FORBIDDEN`, and
 * `M_USER_SUSPENDED` for others' events.
 * https://spec.matrix.org/v1.19/client-server-api/#redactions
 */
export async function appendRedaction(
  draft: RoomDraft,
  people: People,
  actor: Actor,
  { target, content, transaction, originServerTs }: Redaction,
): Promise<DraftEvent> {
  if (!isEventId(target)) throw errors.invalidParam('The event to redact is named by no event id')
  const found = await findTarget(draft, target)
  if (found?.sender !== actor.userId) await people.requireActive(draft.reader, actor.userId)
  if (found !== undefined) await requireRight(draft, actor, found)
  return draft.append({
    type: 'm.room.redaction',
    sender: actor.userId,
    content,
    redacts: target,
    ...(transaction === undefined ? {} : { transaction }),
    ...(originServerTs === undefined ? {} : { originServerTs }),
  })
}

async function findTarget(draft: RoomDraft, target: EventId): Promise<Pdu | undefined> {
  const waiting = draft.events.find((event) => event.eventId === target)
  if (waiting !== undefined) return waiting.pdu
  const stored = await getEventById(draft.reader, target)
  if (stored !== undefined && stored.roomNid !== draft.room?.nid) {
    throw errors.invalidParam('The event to redact is not in this room')
  }
  return stored?.pdu
}

async function requireRight(draft: RoomDraft, actor: Actor, target: Pdu): Promise<void> {
  if (target.type === 'm.room.create') throw errors.forbidden('A room cannot do without its create event')
  if (target.sender === actor.userId) return
  if (actor.isAdmin && serverOf(target.sender) === serverOf(actor.userId)) return
  const state = await draft.stateView([
    ['m.room.create', ''],
    ['m.room.power_levels', ''],
  ])
  if (powerOf(state, draft.rules, actor.userId) >= actionPower(state, draft.rules, 'redact')) return
  throw errors.forbidden("You may not redact others' events in this room")
}
