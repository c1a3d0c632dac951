import type { Reader } from '../../db/database.ts'
import type { ServerName } from '../../matrix/ids.ts'
import { createYielder } from '../../util/async.ts'
import { listByTime, type TimeRange } from '../discovery/store-discovery.ts'
import type { EventCache } from '../event-cache.ts'
import type { RoomView } from '../room-view.ts'
import type { States } from '../states.ts'
import type { Room, StoredEvent } from '../types.ts'
import { listAuthChain } from './auth-chain.ts'
import { createServerView, type ServerView } from './server-view.ts'
import { walkBack } from './walk-back.ts'

/** What a room was like, as other servers ask for it. */
export interface RoomHistory extends ServerView {
  readonly walkBack: typeof walkBack
  /** What authorises events, and what authorises that, to the end. */
  authChain(reader: Reader, events: Iterable<StoredEvent>): Promise<StoredEvent[]>
  /** The event next to a time (ms) that the server may have; undefined where there is none, or none near. */
  nearest(reader: Reader, room: Room, server: ServerName, ts: number, dir: 'f' | 'b'): Promise<StoredEvent | undefined>
}

const pageSize = 100
/** Further away than this among events that the server may not have nothing is looked for. */
const maxPages = 50

export function createRoomHistory(deps: {
  readonly view: RoomView
  readonly states: States
  readonly events: EventCache
}): RoomHistory {
  const serverView = createServerView(deps)
  return {
    ...serverView,
    walkBack,
    authChain: (reader, events) => listAuthChain(deps.events, reader, events),
    nearest: async (reader, room, server, ts, dir) => {
      const pause = createYielder()
      const pos = dir === 'f' ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER
      let range: TimeRange = { roomNid: room.nid, upTo: Number.MAX_SAFE_INTEGER, ts, pos, limit: pageSize }
      for (let page = 0; page < maxPages; page++) {
        const events = await listByTime(reader, dir, range)
        const [found] = await serverView.filter(reader, room, server, events)
        if (found !== undefined) return found
        const last = events.at(-1)
        if (last?.streamPos === undefined || events.length < pageSize) return undefined
        range = { ...range, ts: last.pdu.origin_server_ts, pos: last.streamPos }
        await pause()
      }
      return undefined
    },
  }
}
