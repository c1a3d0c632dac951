import type { Tx } from '../../db/database.ts'
import type { Room, StoredEvent } from '../types.ts'

export type PurgedRoom = Pick<Room, 'nid' | 'roomId'>

/** What a feature forgets together with what is removed from rooms. Whatever is done here may be done again after a crash. */
export interface PurgeHook {
  /** These events go, in the transaction that deletes them; a few dozen at once. */
  readonly events?: (tx: Tx, room: PurgedRoom, events: readonly StoredEvent[]) => Promise<void>
  /** What is old in a room is gone: what stood before the position and refers to nothing any more goes, in short writes. */
  readonly history?: (room: PurgedRoom, before: number, signal: AbortSignal) => Promise<void>
  /** The whole room goes: everything of it, in short writes. */
  readonly room?: (room: PurgedRoom, signal: AbortSignal) => Promise<void>
}

/** Removes what is old in rooms, and whole rooms. */
export interface Purging {
  /**
   * Removes everything before the stream position, except what the room's present depends on, and (unless `withLocal`)
   * what users of this server sent. Bears being repeated. `later`: the room's members are still being fetched.
   */
  purgeHistory(
    roomId: string,
    purge: { before: number; withLocal: boolean },
    signal: AbortSignal,
  ): Promise<'done' | 'later'>
  /**
   * Removes everything of a room but that former members of this server have left it, so that their clients learn of it. Bears
   * being repeated. Nobody may enter the room meanwhile.
   */
  purgeRoom(roomId: string, signal: AbortSignal): Promise<void>
  /** The position of an event from which on history is kept. Throws `404` where it has no place in the room. */
  positionOf(roomId: string, eventId: string): Promise<number>
  /** The position of the first event of that time (ms since 1970) or later; without one, that of the newest event. Throws `404`. */
  positionAt(roomId: string, ts: number): Promise<number>
  onPurge(hook: PurgeHook): void
}
