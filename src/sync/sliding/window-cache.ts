import type { Reader } from '../../db/database.ts'
import { LruMap } from '../../util/lru.ts'
import type { ConnectionState } from './connection.ts'
import type { FilterSources } from './filters.ts'
import type { ListedRoom, UserRooms } from './user-rooms.ts'
import { type WindowRequest, type Windows, windowsOf } from './windows.ts'

/** The windows that a connection had last, so that a request that changes nothing costs the same for any number of rooms. */
export interface WindowCache {
  get(
    reader: Reader,
    connection: { readonly nid: number | undefined; readonly fingerprint: string },
    sources: FilterSources,
    request: WindowRequest,
    sentGone: () => readonly ListedRoom[],
  ): Promise<Windows>
  /** Remembers that in this state the client has everything of these windows that there was. */
  settle(connNid: number, windows: Windows, state: ConnectionState): void
  isSettled(connNid: number | undefined, windows: Windows, state: ConnectionState): boolean
}

interface Entry {
  readonly fingerprint: string
  readonly byNid: UserRooms['byNid']
  readonly revision: number
  readonly windows: Windows
  settled: ConnectionState | undefined
}

export function createWindowCache(): WindowCache {
  const known = new LruMap<number, Entry>(300_000, ({ windows }) => windows.wanted.size + 10)
  return {
    get: async (reader, { nid, fingerprint }, sources, request, sentGone) => {
      const { rooms, personal } = sources
      const cached = nid === undefined ? undefined : known.get(nid)
      const isSame =
        cached?.fingerprint === fingerprint && cached.byNid === rooms.byNid && cached.revision === personal.revision
      if (isSame) return cached.windows
      const windows = await windowsOf(reader, sources, request, sentGone())
      const entry = { fingerprint, byNid: rooms.byNid, revision: personal.revision, windows, settled: undefined }
      if (nid !== undefined) known.set(nid, entry)
      return windows
    },
    settle: (nid, windows, state) => {
      const entry = known.get(nid)
      if (entry?.windows === windows) entry.settled = state
    },
    isSettled: (nid, windows, state) => {
      const entry = nid === undefined ? undefined : known.get(nid)
      return entry?.windows === windows && entry.settled === state
    },
  }
}

/** The same text for requests that select the same. */
export function fingerprintOf({ lists, subscriptions }: WindowRequest): string {
  const configs = [...lists].map(([name, { timelineLimit, state, ranges, filters }]) => [
    name,
    timelineLimit,
    state.digest,
    ranges ?? null,
    filters,
  ])
  const rooms = [...subscriptions].map(([roomId, { timelineLimit, state }]) => [roomId, timelineLimit, state.digest])
  return JSON.stringify([configs, rooms])
}
