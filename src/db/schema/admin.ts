export interface AdminSchema {
  /** The one room in which a user hears from the server. */
  notice_rooms: { user_id: string; room_id: string }
}
