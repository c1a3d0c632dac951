import type { Reader } from '../../db/database.ts'
import type { Pdu } from '../../matrix/event.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'

/** An event of a room, as rooms hand it to their hooks. */
export interface SeenEvent {
  readonly eventId: string
  readonly status: number
  readonly pdu: Pick<Pdu, 'type' | 'content' | 'state_key'> & { readonly sender: string }
}

/** New events of a room, as rooms hand them to their hooks. */
export interface SeenBatch {
  readonly room: { readonly nid: number; readonly stateNid: number | undefined; readonly rules: RoomVersionRules }
  readonly events: readonly SeenEvent[]
  readonly currentChanges: readonly SeenEvent[]
  readonly removed: readonly { readonly type: string; readonly stateKey: string }[]
  readonly redacted: readonly SeenEvent[]
}

/** What media asks of rooms, which stand to its right. */
export interface RoomsOfMedia {
  /** Everybody in a room, or the first `limit` of them. */
  joined(reader: Reader, roomNid: number, limit: number): Promise<string[]>
  roomById(reader: Reader, roomId: string): Promise<{ readonly nid: number } | undefined>
  membership(reader: Reader, roomNid: number, userId: string): Promise<{ readonly membership: string } | undefined>
  readonly view: {
    entry(
      reader: Reader,
      stateNid: number | undefined,
      type: string,
      stateKey: string,
    ): Promise<{ readonly pdu: Pdu } | undefined>
  }
}

/** Before there are rooms. */
export const noRooms: RoomsOfMedia = {
  joined: async () => [],
  roomById: async () => undefined,
  membership: async () => undefined,
  view: { entry: async () => undefined },
}
