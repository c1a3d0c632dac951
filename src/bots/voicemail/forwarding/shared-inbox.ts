import { MatrixError } from '../../../matrix/errors.ts'
import { type EventId, isUserId } from '../../../matrix/ids.ts'
import { memberName } from '../member-name.ts'
import { copyContent } from '../notes/copy-content.ts'
import type { NoteRow } from '../notes/store-notes.ts'
import type { ForwardingDeps } from './deps.ts'
import { sharedRoomFault } from './shared-room.ts'

/**
 * Brings a note into the room that its receiver has named, as a message of the bot. The bot must be there, which it is when it
 * was invited, and nothing is sent in clear into an encrypted room.
 */
export function createSharedInbox({ db, log, rooms, act, botId }: ForwardingDeps) {
  const { reads } = rooms

  async function look(note: NoteRow, roomId: string) {
    return db.read(async (reader) => {
      // The rows are ours.
      const event = await reads.eventById(reader, note.event_id as EventId)
      if (!event || !isUserId(note.receiver)) return undefined
      if ((await sharedRoomFault(reads, reader, { roomId, userId: note.receiver, botId })) !== undefined)
        return undefined
      return { content: event.pdu.content, name: await memberName(reads, reader, note.room_id, note.sender) }
    })
  }

  return async (note: NoteRow, roomId: string): Promise<void> => {
    const seen = await look(note, roomId)
    if (seen === undefined) {
      log.info({ note: note.note_id, roomId }, 'a note cannot be brought into the shared inbox')
      return
    }
    const { content } = seen
    const said = typeof content.body === 'string' && content.body !== content.filename ? `: ${content.body}` : ''
    const body = `${note.kind === 'voice' ? 'Voice' : 'Video'} note from ${seen.name} for ${note.receiver}${said}`
    const copy = { ...copyContent(content), body, 'io.ringback.from': note.sender }
    try {
      await act(botId, `shared inbox ${note.note_id}`).send(roomId, copy)
    } catch (error) {
      // The bot may not write there: asking again would not help.
      if (!(error instanceof MatrixError) || error.status >= 500) throw error
      log.info({ err: error, note: note.note_id, roomId }, 'a note cannot be brought into the shared inbox')
    }
  }
}
