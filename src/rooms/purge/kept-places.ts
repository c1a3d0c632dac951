import type { Database } from '../../db/database.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import { createYielder } from '../../util/async.ts'
import { listEnds } from '../ends.ts'
import { listMemberHistory } from '../store-timeline.ts'
import type { Room } from '../types.ts'
import { listLocals } from './store-purge.ts'

/**
 * Events that keep their places whatever their age: the ends of the room, which the next event follows, and by which users of
 * ours came and went last, which decides what they may see.
 */
export async function listKeptPlaces(db: Database, room: Room, signal: AbortSignal): Promise<Set<number>> {
  const { nid } = room
  const { cited, further } = await db.read((reader) => listEnds(reader, room))
  const kept = new Set([...cited, ...further].map(([end]) => end))
  const pause = createYielder()
  for (const { user_id: userId } of await db.read((reader) => listLocals(reader, nid))) {
    signal.throwIfAborted()
    await pause()
    const history = await db.read((reader) => listMemberHistory(reader, nid, userId))
    const join = history.findIndex(({ pdu }) => membershipOf(pdu) === 'join')
    for (const event of [history[0], history[join - 1], history[join]]) if (event) kept.add(event.nid)
  }
  return kept
}
