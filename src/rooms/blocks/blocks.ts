import type { Database, Reader, Tx } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import type { Clock } from '../../util/clock.ts'
import { deleteBlock, getBlock, insertBlock } from './store-blocks.ts'

/** Rooms that nobody here may enter, or be invited to. */
export interface RoomBlocks {
  /** Who has blocked a room; undefined where nobody has. */
  blockedBy(reader: Reader, roomId: string): Promise<string | undefined>
  block(tx: Tx, roomId: string, by: string): Promise<void>
  unblock(tx: Tx, roomId: string): Promise<void>
  /** Lets nobody in while a room is removed; `reopen` ends it, unless somebody has blocked the room. */
  close(tx: Tx, roomId: string): Promise<void>
  reopen(tx: Tx, roomId: string): Promise<void>
  /** Throws `403 M_FORBIDDEN`. */
  requireOpen(roomId: string): Promise<void>
}

/** The server itself, for as long as it removes a room. */
const removal = ''

export function createRoomBlocks({ db, clock }: { readonly db: Database; readonly clock: Clock }): RoomBlocks {
  return {
    blockedBy: async (reader, roomId) => (await getBlock(reader, roomId)) || undefined,
    block: async (tx, roomId, by) => {
      await deleteBlock(tx, roomId)
      await insertBlock(tx, { roomId, by, ts: clock.now() })
    },
    unblock: (tx, roomId) => deleteBlock(tx, roomId),
    close: async (tx, roomId) => {
      if ((await getBlock(tx, roomId)) === undefined) await insertBlock(tx, { roomId, by: removal, ts: clock.now() })
    },
    reopen: async (tx, roomId) => {
      if ((await getBlock(tx, roomId)) === removal) await deleteBlock(tx, roomId)
    },
    requireOpen: async (roomId) => {
      const by = await db.read((reader) => getBlock(reader, roomId))
      if (by === removal) throw errors.forbidden('This room is being removed from this server')
      if (by !== undefined) throw errors.forbidden('This room has been blocked on this server')
    },
  }
}
