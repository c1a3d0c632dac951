import { sql } from 'kysely'
import { type DoomedRows, rowsOf } from '../../../db/delete-pages.ts'

export const participantsIn = (roomId: string): DoomedRows =>
  rowsOf('livekit_participants', ['livekit_room', 'identity'], sql`room_id = ${roomId}`)
