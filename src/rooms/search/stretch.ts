import type { Reader } from '../../db/database.ts'
import { createYielder } from '../../util/async.ts'
import type { Visibility } from '../visibility.ts'
import { type Hit, judge, type Search } from './hits.ts'
import type { IndexQuery, SearchIndex } from './index-types.ts'
import { listEventsAt } from './store-search.ts'

/** All results between two positions of the stream. */
export interface Stretch {
  readonly hits: readonly Hit[]
  /** The lowest position that was looked at; undefined where nothing is left below. */
  readonly floor: number | undefined
}

export interface StretchDeps {
  readonly index: SearchIndex
  readonly visibility: Visibility
}

const batch = 128
/** So many results are sorted and counted together. */
const enoughHits = 500
/** Among events that the user may not see, or did not ask for, no more than these are looked at. */
const maxScanned = 4000
/** Nor more text than this, in UTF-16 code units: some events are nothing but words. */
const maxText = 1_500_000
const maxNamed = 100

/** Collects the results from a position down: to `floor` where it is given, else until there are enough. */
export async function collectStretch(
  { index, visibility }: StretchDeps,
  reader: Reader,
  search: Search,
  below: number,
  floor: number | undefined,
): Promise<Stretch> {
  const hits: Hit[] = []
  const pause = createYielder()
  const wanted = indexQuery(search)
  let at = Math.min(below, ...newestOf(search))
  let scanned = 0
  let text = 0
  for (;;) {
    const found = await index.find(reader, { ...wanted, below: at, limit: batch })
    const within = floor === undefined ? found : found.filter((pos) => pos >= floor)
    const events = await listEventsAt(reader, within)
    hits.push(...(await judge(visibility, reader, search, events)))
    for (const { pdu } of events) text += String(pdu.content.body ?? '').length
    scanned += within.length
    at = found.at(-1) ?? at
    if (within.length < found.length) return { hits, floor }
    if (found.length < batch) return { hits, floor: undefined }
    const isEnough = floor === undefined && hits.length >= enoughHits
    if (isEnough || scanned >= maxScanned || text >= maxText) return { hits, floor: at }
    await pause()
  }
}

/** Nothing is found above what the rooms hold. */
function newestOf({ rooms }: Search): number[] {
  return rooms.all === undefined ? [] : [1 + Math.max(0, ...rooms.all.map(({ upTo }) => upTo))]
}

function indexQuery({ query, scope, rooms, phrases }: Search): Omit<IndexQuery, 'below' | 'limit'> {
  const senders = scope?.key === 'sender' ? [scope.value] : query.filter.senders
  return {
    phrases,
    kinds: query.kinds,
    roomNids: rooms.all?.map(({ room }) => room.nid),
    senders: (senders?.length ?? 0) > maxNamed ? undefined : senders,
  }
}
