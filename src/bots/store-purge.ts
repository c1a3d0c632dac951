import { sql } from 'kysely'
import { type DoomedRows, rowsOf } from '../db/delete-pages.ts'
import type { PurgedRoom } from '../rooms/purge/ports.ts'

/** What bots and application services keep about a room, and what is written of notes that were left in it. */
export function rowsOfRoom({ nid, roomId }: PurgedRoom): DoomedRows[] {
  const known = sql`appservice_id in (select appservice_id from appservice_progress) and room_nid = ${nid}`
  const ofRoom = sql`room_id = ${roomId}`
  return [
    rowsOf('bot_events', ['bot', 'stream_pos'], sql`room_nid = ${nid}`),
    rowsOf('appservice_members', ['appservice_id', 'room_nid', 'user_id'], known),
    rowsOf('appservice_receipts', ['appservice_id', 'room_nid'], known),
    rowsOf('network_rooms', ['appservice_id', 'network_id', 'room_nid'], sql`room_nid = ${nid}`),
    rowsOf('voicemail_chats', ['user_id'], ofRoom),
    rowsOf('voicemail_prompts', ['prompt_id'], sql`${ofRoom} or chat_id = ${roomId}`),
    rowsOf('voicemail_links', ['token_hash'], ofRoom),
    rowsOf('voicemail_notes', ['note_nid'], ofRoom),
  ]
}
