export interface DiscoverySchema {
  /** Our users who are in rooms, or have been, as the user directory shows them. */
  user_directory: { user_id: string; display_name: string | null; avatar_url: string | null }
  /** What they are found by: folded words of their names, and their whole ids. */
  user_directory_words: { word: string; user_id: string }
  /** Rooms whose members everybody may find: those that anybody may join or read. */
  open_rooms: { room_nid: number }
}
