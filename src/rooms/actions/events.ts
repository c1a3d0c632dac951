import type { Tx } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { type EventId, isUserId } from '../../matrix/ids.ts'
import type { Stickiness } from '../../matrix/sticky.ts'
import type { Declarations } from '../../media/delivery/declarations.ts'
import type { Actor } from '../actor.ts'
import type { RoomDraft } from '../draft.ts'
import type { InviteUser } from '../membership/invite.ts'
import type { People } from '../people.ts'
import type { RoomWriter } from '../room-writer.ts'
import { appendClientState, type ClientState } from './append-client-state.ts'
import { appendRedaction } from './append-redaction.ts'
import { checkLevels } from './check-levels.ts'
import { refuseDuplicateAnnotation } from './duplicate-annotation.ts'
import { refuseNestedThread } from './nested-thread.ts'
import { findSent, transactionOf } from './transactions.ts'

export interface Message extends EventExtras {
  readonly type: string
  readonly content: JsonObject
  /** Repeating a request of the same device with the same id changes nothing. Undefined: never a repetition. */
  readonly txnId?: string
  readonly originServerTs?: number | undefined
  readonly sticky?: Stickiness | undefined
  /** `mxc:` URIs of files of the sender that the message shows, where that cannot be seen. */
  readonly attached?: readonly string[]
}

/** What goes with an event besides. */
export interface EventExtras {
  readonly together?: WrittenTogether
  /** Its sender is told that it is this delayed event. */
  readonly delayId?: string
}

/** Written in the transaction of a new event; not where there is none, because it was sent before. Throwing refuses the event. */
export type WrittenTogether = (tx: Tx, eventId: EventId) => Promise<void>

/** Has it written down which files a message shows. Throwing refuses the message. */
export type AttachMedia = Declarations['attach']

/** All throw `403 M_FORBIDDEN` where the room's rules do not allow it, and `413 M_TOO_LARGE`. */
export interface RoomEvents {
  send(actor: Actor, roomId: string, message: Message): Promise<EventId>
  setState(actor: Actor, roomId: string, state: ClientState, extras?: EventExtras): Promise<EventId>
  redact(actor: Actor, roomId: string, target: string, txnId: string | undefined, content: JsonObject): Promise<EventId>
}

interface Deps {
  readonly writer: RoomWriter
  readonly people: People
  readonly inviteUser: InviteUser
  readonly attachMedia: AttachMedia
}

function addExtras(draft: RoomDraft, eventId: EventId, { together, delayId }: EventExtras): void {
  if (together !== undefined) draft.alsoWrite((tx) => together(tx, eventId))
  const event = draft.events.findLast((event) => event.eventId === eventId)
  if (delayId !== undefined && event !== undefined) event.delayId = delayId
}

export function createRoomEvents({ writer, people, inviteUser, attachMedia }: Deps): RoomEvents {
  async function change(roomId: string, task: (draft: RoomDraft) => Promise<EventId>): Promise<EventId> {
    const eventId = await writer.change(roomId, task)
    // Whether a room exists is nobody's business who is not in it.
    if (eventId === undefined) throw errors.forbidden('You are not in this room')
    return eventId
  }

  async function appendMessage(draft: RoomDraft, actor: Actor, message: Message): Promise<EventId> {
    const { type, content, txnId, originServerTs, attached = [] } = message
    if (type === 'm.room.create') throw errors.unknown(400, 'A room has one create event, and the server writes it')
    const transaction = txnId === undefined ? undefined : transactionOf(actor, txnId)
    const sent = transaction && (await findSent(draft, actor, transaction, { type }))
    if (sent !== undefined) return sent
    const options = {
      ...(transaction === undefined ? {} : { transaction }),
      ...(originServerTs === undefined ? {} : { originServerTs }),
    }
    if (type === 'm.room.redaction') {
      const { redacts, ...rest } = content
      if (typeof redacts !== 'string') throw errors.badJson('A redaction names an event in redacts')
      const { eventId } = await appendRedaction(draft, people, actor, { target: redacts, content: rest, ...options })
      addExtras(draft, eventId, message)
      return eventId
    }
    await people.requireActive(draft.reader, actor.userId)
    await refuseNestedThread(draft, content)
    await refuseDuplicateAnnotation(draft, actor.userId, type, content)
    const { userId: sender } = actor
    const { eventId } = await draft.append({ type, sender, content, sticky: message.sticky, ...options })
    addExtras(draft, eventId, message)
    if (attached.length > 0) {
      draft.alsoWrite((tx, { nid: roomNid }) =>
        attachMedia(tx, { eventId, roomNid, sender, type, content, media: attached }),
      )
    }
    return eventId
  }

  return {
    send: (actor, roomId, message) => change(roomId, (draft) => appendMessage(draft, actor, message)),
    setState: (actor, roomId, state, extras = {}) => {
      const { type, stateKey, content, originServerTs: ts } = state
      if (type === 'm.room.member' && content.membership === 'invite' && isUserId(stateKey)) {
        const { membership: _, ...given } = content
        return inviteUser({ ...actor, ...(ts === undefined ? {} : { sentTs: ts }) }, roomId, stateKey, given)
      }
      return change(roomId, async (draft) => {
        if (type === 'm.room.power_levels' && stateKey === '') await checkLevels(draft, content)
        const { eventId } = await appendClientState(draft, people, actor, state)
        addExtras(draft, eventId, extras)
        return eventId
      })
    },
    redact: (actor, roomId, target, txnId, content) =>
      change(roomId, async (draft) => {
        const transaction = txnId === undefined ? undefined : transactionOf(actor, txnId)
        const sentAs = { type: 'm.room.redaction', redacts: target as EventId }
        const sent = transaction && (await findSent(draft, actor, transaction, sentAs))
        if (sent !== undefined) return sent
        const redaction = transaction === undefined ? { target, content } : { target, content, transaction }
        return (await appendRedaction(draft, people, actor, redaction)).eventId
      }),
  }
}
