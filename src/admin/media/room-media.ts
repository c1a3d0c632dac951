import type { Database } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import { formatMxc, type MediaRef } from '../../matrix/mxc.ts'
import { mediaUses } from '../../media/delivery/uses.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import { createYielder } from '../../util/async.ts'

const pageSize = 200

/** All media that events of a room show, as far as they can be read. Throws `M_NOT_FOUND` for a room that is not here. */
export async function listRoomMedia(
  { db, rooms }: { readonly db: Database; readonly rooms: Pick<Rooms, 'reads'> },
  roomId: string,
  signal: AbortSignal,
): Promise<MediaRef[]> {
  const room = await db.read((reader) => rooms.reads.roomById(reader, roomId))
  if (!room) throw errors.notFound('There is no such room')
  const found = new Map<string, MediaRef>()
  const pause = createYielder()
  // History that was fetched later stands below zero.
  for (let after = Number.MIN_SAFE_INTEGER, isMore = true; isMore; ) {
    signal.throwIfAborted()
    const range = { roomNid: room.nid, after, upTo: Number.MAX_SAFE_INTEGER, limit: pageSize }
    const page = await db.read((reader) => rooms.reads.timelineAfter(reader, range))
    for (const { pdu, streamPos } of page) {
      for (const { ref } of mediaUses(pdu)) found.set(formatMxc(ref), ref)
      after = streamPos ?? after
    }
    isMore = page.length === pageSize
    await pause()
  }
  return [...found.values()]
}
