import { sql } from 'kysely'
import { type DoomedRows, rowsOf } from '../../db/delete-pages.ts'

/** The calls in a room, after those in whose logs they stand. */
export const callsIn = (roomId: string): DoomedRows[] => [
  rowsOf(
    'call_parties',
    ['user_id', 'call_nid'],
    sql`call_nid in (select call_nid from calls where room_id = ${roomId})`,
  ),
  rowsOf('calls', ['call_nid'], sql`room_id = ${roomId}`),
]
