import { fieldOf } from '../../../matrix/content.ts'
import { MatrixError } from '../../../matrix/errors.ts'
import { isUserId } from '../../../matrix/ids.ts'
import type { NoteRow } from '../notes/store-notes.ts'
import type { ForwardingDeps } from './deps.ts'

/** https://spec.matrix.org/v1.19/client-server-api/#mroompinned_events */
const type = 'm.room.pinned_events'

/** Pins a note in its conversation, as its receiver, or takes the pin away. Nothing happens where they may not do that. */
export function createPins({ db, log, rooms }: Pick<ForwardingDeps, 'db' | 'log' | 'rooms'>) {
  return async (note: NoteRow, isPinned: boolean): Promise<void> => {
    const { receiver, room_id: roomId, event_id: eventId } = note
    if (!isUserId(receiver)) return
    const pinned = await db.read(async (reader) => {
      const room = await rooms.reads.roomById(reader, roomId)
      const state = room && (await rooms.reads.view.entry(reader, room.stateNid, type, ''))
      const list = state && fieldOf(state.pdu, 'pinned')
      return Array.isArray(list) ? list.filter((id) => typeof id === 'string') : []
    })
    if (pinned.includes(eventId) === isPinned) return
    const wanted = isPinned ? [...pinned, eventId] : pinned.filter((id) => id !== eventId)
    try {
      const state = { type, stateKey: '', content: { pinned: wanted } }
      await rooms.events.setState({ userId: receiver }, roomId, state)
    } catch (error) {
      if (!(error instanceof MatrixError) || error.status >= 500) throw error
      log.debug({ err: error, note: note.note_id }, 'a note cannot be pinned')
    }
  }
}
