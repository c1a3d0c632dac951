import { sql } from 'kysely'
import { type DoomedRows, rowsOf } from '../../db/delete-pages.ts'

/** What was to be sent to a room later, and what became of it. */
export const delayedIn = (roomId: string): DoomedRows =>
  rowsOf('delayed_events', ['delay_id'], sql`room_id = ${roomId}`)
