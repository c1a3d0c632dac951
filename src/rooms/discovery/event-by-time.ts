import type { Database } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import type { EventId, UserId } from '../../matrix/ids.ts'
import { createYielder } from '../../util/async.ts'
import { requireAccess } from '../access.ts'
import { listGaps } from '../history/gaps.ts'
import type { RoomReads } from '../reads.ts'
import type { RemoteEventByTime } from './remote-event-by-time.ts'
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

interface Deps {
  readonly db: Database
  readonly reads: RoomReads
  /** Undefined where this server does not reach others. */
  readonly remote: RemoteEventByTime | undefined
}

export function createEventByTime({ db, reads, remote }: Deps): GetEventByTime {
  const findHere = (userId: UserId, roomId: string, ts: number, dir: 'f' | 'b') =>
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
        if (found !== undefined) {
          const isBesideGap = (await listGaps(reader, room, [found])).length > 0
          return { room, found, isBesideGap }
        }
        const last = events.at(-1)
        if (last?.streamPos === undefined || events.length < pageSize) break
        range = { ...range, ts: last.pdu.origin_server_ts, pos: last.streamPos }
        await pause()
      }
      return { room, found: undefined, isBesideGap: true }
    })

  return async (userId, roomId, ts, dir) => {
    const here = await findHere(userId, roomId, ts, dir)
    // Others may know something nearer where history is missing here, and they tell of it so that it can be read.
    const isFilled = here.isBesideGap && (await remote?.(here.room, ts, dir, here.found))
    const found = isFilled ? (await findHere(userId, roomId, ts, dir)).found : here.found
    if (found === undefined) throw errors.notFound(`Unable to find an event from ${ts} on in direction ${dir}`)
    return { event_id: found.eventId, origin_server_ts: found.pdu.origin_server_ts }
  }
}
