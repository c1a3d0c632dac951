import type { Tx } from '../../db/database.ts'
import type { Streams } from '../../db/streams.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import { getSurplusPosition, insertLiveEvent, pruneLiveEvents } from './store-live.ts'

/** What a socket tells: `type` and the object that the list of that kind has. */
export type LiveFrame = JsonObject & { readonly type: 'call' | 'note' | 'prompt' }

/** Tells all sockets of a local user once the transaction is on disk, and those that come back within the week. */
export type PublishLive = (tx: Tx, userId: UserId, frame: LiveFrame) => Promise<void>

/** Of each user. A socket that is behind by more starts afresh. */
export const keptFrames = 1000

export function createPublishLive({
  streams,
  clock,
  kept = keptFrames,
}: {
  streams: Pick<Streams, 'allocate' | 'notify'>
  clock: Clock
  kept?: number
}): PublishLive {
  return async (tx, userId, frame) => {
    const position = await streams.allocate(tx, 1)
    await insertLiveEvent(tx, { userId, position, ts: clock.now(), frame: JSON.stringify(frame) })
    const surplus = await getSurplusPosition(tx, userId, kept)
    if (surplus !== undefined) await pruneLiveEvents(tx, userId, surplus)
    streams.notify(tx, { users: [userId] })
  }
}
