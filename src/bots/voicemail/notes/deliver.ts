import type { Database, Reader, Tx } from '../../../db/database.ts'
import { errors } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import type { EventId, RoomId, UserId } from '../../../matrix/ids.ts'
import type { Rooms } from '../../../rooms/rooms.ts'
import type { Clock } from '../../../util/clock.ts'
import type { Call, Calls } from '../../../voip/calls/types.ts'
import { insertAudit } from '../audit/store-audit.ts'
import type { Chats } from '../chats.ts'
import { readConversation } from '../prompts/conversation.ts'
import type { Judge } from '../prompts/judge.ts'
import type { DeliverNote, FinishedNote } from '../recorder/types.ts'
import type { Notes } from './notes.ts'
import { readRecorded } from './recognise.ts'
import { getNote } from './store-notes.ts'

/** Under this device the server sends notes as their users, with the note's id as the transaction id. */
export const noteDevice = 'io.ringback.voicemail'

interface Deps {
  readonly db: Database
  readonly clock: Clock
  readonly rooms: Pick<Rooms, 'events' | 'reads'>
  readonly calls: Pick<Calls, 'getCall'>
  readonly chats: Chats
  readonly judge: Judge
  readonly notes: Pick<Notes, 'sent'>
  readonly botId: UserId
}

interface Plan {
  readonly call: Call
  readonly callee: UserId
  readonly isEncrypted: boolean
  readonly callerName: string
}

/**
 * Sends finished notes. Into a conversation that is not encrypted the note goes as a message of the caller, who has asked
 * for exactly that; into an encrypted one nothing goes in clear. Throws `403 M_FORBIDDEN` where it cannot be sent as things
 * are: the caller or the callee has left or takes no more notes, or the room's rules forbid it.
 */
export function createDeliver(deps: Deps): DeliverNote {
  const { db, clock, rooms, calls, chats, judge, notes, botId } = deps
  const { reads } = rooms

  async function plan(reader: Reader, note: FinishedNote): Promise<Plan> {
    const call = await calls.getCall(reader, note.callId)
    const { caller, roomId } = note
    if (call?.callee === undefined || call.caller !== caller || call.roomId !== roomId) {
      throw errors.forbidden('There is no such call to leave a note after')
    }
    const { callee } = call
    const refusal = await judge.refusal(reader, { roomId, caller, callee })
    if (refusal !== undefined) throw errors.forbidden(refusal)
    const { isEncrypted } = await readConversation(reads, reader, { roomId, caller, callee })
    if (isEncrypted && !(await judge.mayCarry(reader, { caller, callee }))) {
      throw errors.forbidden('This conversation is encrypted: record the note in the conversation itself')
    }
    const { peerName: callerName } = await readConversation(reads, reader, { roomId, caller, callee: caller })
    return { call, callee, isEncrypted, callerName }
  }

  async function send(note: FinishedNote, sender: UserId, roomId: RoomId, content: JsonObject, { callee }: Plan) {
    const { noteId, callId, caller, kind, durationMs, mxc } = note
    const together = async (tx: Tx, eventId: EventId) => {
      const position = (await reads.eventById(tx, eventId))?.streamPos ?? 0
      const caption = readRecorded({ type: 'm.room.message', content: note.content })?.caption
      await notes.sent(tx, {
        caption,
        noteId,
        callId,
        roomId,
        eventId,
        position,
        sender: caller,
        receiver: callee,
        kind,
        durationMs,
        mxc,
      })
      await insertAudit(tx, {
        ts: clock.now(),
        user_id: sender,
        action: sender === caller ? 'sent a note as the user' : 'carried a note to the voicemail chat',
        credential: note.source === undefined ? `link ${noteId}` : `message ${note.source}`,
        room_id: roomId,
        event_id: eventId,
        note_id: noteId,
        call_id: callId,
      })
    }
    const message = { type: 'm.room.message', content, txnId: noteId, together }
    return rooms.events.send({ userId: sender, deviceId: noteDevice }, roomId, message)
  }

  return async (note) => {
    const known = await db.read((reader) => getNote(reader, note.noteId))
    // Written below.
    if (known !== undefined) return { eventId: known.event_id as EventId, roomId: known.room_id as RoomId }
    const planned = await db.read((reader) => plan(reader, note))
    const { isEncrypted, callee, call, callerName } = planned
    const content: JsonObject = {
      ...note.content,
      'io.ringback.note': { note_id: note.noteId, kind: note.kind, duration_ms: note.durationMs },
      'io.ringback.missed_call': { call_id: note.callId, kind: call.kind },
    }
    if (!isEncrypted)
      return { eventId: await send(note, note.caller, note.roomId, content, planned), roomId: note.roomId }
    const chatId = await chats.require(callee)
    const label = `${note.kind === 'voice' ? 'Voice' : 'Video'} note from ${callerName} (not end-to-end encrypted)`
    const labelled = { ...content, body: label, 'm.mentions': { user_ids: [callee] }, 'io.ringback.from': note.caller }
    return { eventId: await send(note, botId, chatId, labelled, planned), roomId: chatId }
  }
}
