import type { Reader } from '../../db/database.ts'
import type { Search } from './hits.ts'
import type { IndexQuery, SearchIndex } from './index-types.ts'
import { listRoomsAt } from './store-search.ts'

/** Positions that the index names, newest first, in batches. */
export interface Batch {
  /** Those in rooms that are searched. */
  readonly positions: readonly number[]
  /** How many the index named, in whatever rooms. */
  readonly named: number
  /** Everything from here up has been named. */
  readonly floor: number
  readonly isLast: boolean
}

const batchSize = 256
/** An index look-up that names more rooms or people than this costs more than reading in vain. */
const cheap = 8
const most = 100
/** Where fewer than one in so many candidates is in a room that is searched, the index is asked for the rooms after all. */
const worthwhile = 10

/**
 * Asks the index, which knows everybody's rooms: for the few rooms of the search where they are few, else for all rooms,
 * as long as enough of what it names is in those of the search.
 */
export async function* listCandidates(
  index: SearchIndex,
  reader: Reader,
  { query, scope, rooms, phrases }: Search,
  below: number,
): AsyncGenerator<Batch> {
  const senders = scope?.key === 'sender' ? [scope.value] : query.filter.senders
  const wanted: Omit<IndexQuery, 'below' | 'limit' | 'roomNids'> = {
    phrases,
    kinds: query.kinds,
    senders: (senders?.length ?? 0) > most ? undefined : senders,
  }
  const { size } = rooms
  let roomNids: readonly number[] | undefined
  let at = below
  if (size !== undefined && size <= cheap) await nameRooms()
  for (;;) {
    const found = await index.find(reader, { ...wanted, roomNids, below: at, limit: batchSize })
    const positions = roomNids === undefined ? await inRooms(found) : found
    at = found.at(-1) ?? at
    const isLast = found.length < batchSize
    yield { positions, named: found.length, floor: at, isLast }
    if (isLast) return
    const isWorthwhile = positions.length * worthwhile >= found.length
    if (roomNids === undefined && size !== undefined && !isWorthwhile) await nameRooms()
  }

  async function nameRooms(): Promise<void> {
    const all = await rooms.list()
    roomNids = all.map(({ room }) => room.nid)
    // Nothing is found above what the rooms hold.
    at = Math.min(at, 1 + Math.max(0, ...all.map(({ upTo }) => upTo)))
  }

  async function inRooms(found: readonly number[]): Promise<number[]> {
    const roomAt = await listRoomsAt(reader, found)
    const searched: number[] = []
    for (const pos of found) {
      const nid = roomAt.get(pos)
      if (nid !== undefined && (await rooms.get(nid)) !== undefined) searched.push(pos)
    }
    return searched
  }
}
