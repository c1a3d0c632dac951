import type { AnswerContext } from '../room-context.ts'
import type { RoomAnswer } from '../types.ts'
import type { WantedRoom } from '../windows.ts'

/** What the extensions know of the answer that they are part of. */
export interface ExtensionContext extends AnswerContext {
  readonly wanted: ReadonlyMap<number, WantedRoom>
  /** By the number of the room. */
  readonly answers: ReadonlyMap<number, RoomAnswer>
  /**
   * Rooms of which the client lacks more than of the others, with the position from where on; undefined: it knows
   * nothing of the room.
   */
  readonly behind: ReadonlyMap<number, number | undefined>
  /** Rooms that may have receipts since; undefined: too many to say. */
  readonly withReceipts: ReadonlySet<number> | undefined
  /** Ids of rooms with account data that changed since. */
  readonly withAccountData: ReadonlySet<string>
  /** How far the client has got with typing notices. */
  readonly ephemeralSince: number
}

/** From where on the client lacks what has happened in a room; undefined: it knows nothing of it. */
export const sinceOf = ({ behind, since }: ExtensionContext, roomNid: number): number | undefined =>
  behind.has(roomNid) ? behind.get(roomNid) : since

/** The rooms with these ids, as far as they are wanted, and those that the client lacks more of. */
export async function roomsToLookAt(context: ExtensionContext, roomIds: Iterable<string>): Promise<WantedRoom[]> {
  const nids = new Set(context.behind.keys())
  for (const roomId of roomIds) {
    const room = await context.ports.reads.roomById(context.reader, roomId)
    if (room !== undefined) nids.add(room.nid)
  }
  return [...nids].flatMap((nid) => context.wanted.get(nid) ?? [])
}
