import type { Database } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import type { EventId, UserId } from '../../matrix/ids.ts'
import { createYielder } from '../../util/async.ts'
import { requireAccess } from '../access.ts'
import type { RoomReads } from '../reads.ts'
import { listByTime, type TimeRange } from './store-discovery.ts'

const pageSize = 100
/** Further away than this among events that the user may not see nothing is looked for. */
const maxScanned = 10_000

/**
 * The visible event next to a time (ms), in either direction; among events of one time the outermost in stream order
 * that the direction meets first. Throws `404` where there is none.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidtimestamp_to_event
 */
export type GetEventByTime = (
  userId: UserId,
  roomId: string,
  ts: number,
  dir: 'f' | 'b',
) => Promise<{ event_id: EventId; origin_server_ts: number }>

export function createEventByTime({ db, reads }: { readonly db: Database; readonly reads: RoomReads }): GetEventByTime {
  return (userId, roomId, ts, dir) =>
    db.read(async (reader) => {
      const { room, upTo } = await requireAccess(reader, reads.view, roomId, userId)
      const pause = createYielder()
      let range: TimeRange = {
        roomNid: room.nid,
        upTo,
        ts,
        pos: dir === 'f' ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER,
        limit: pageSize,
      }
      for (let scanned = 0; scanned < maxScanned; scanned += pageSize) {
        const events = await listByTime(reader, dir, range)
        const [found] = await reads.visibility.filter(reader, room, userId, events)
        if (found !== undefined) return { event_id: found.eventId, origin_server_ts: found.pdu.origin_server_ts }
        const last = events.at(-1)
        if (last?.streamPos === undefined || events.length < pageSize) break
        range = { ...range, ts: last.pdu.origin_server_ts, pos: last.streamPos }
        await pause()
      }
      throw errors.notFound(`Unable to find an event from ${ts} on in direction ${dir}`)
    })
}
