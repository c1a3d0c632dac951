import type { Reader } from '../../db/database.ts'
import { createYielder } from '../../util/async.ts'
import type { Visibility } from '../visibility.ts'
import { listCandidates } from './candidates.ts'
import { type Hit, judge, type Search } from './hits.ts'
import type { SearchIndex } from './index-types.ts'
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

/** So many results are sorted and counted together. */
const enoughHits = 500
/** Among events that the user may not see, or did not ask for, no more than these are looked at. */
const maxEvents = 4000
/** Nor more than these that stand in other rooms. */
const maxNamed = 20_000
/** Nor more text than this, in UTF-16 code units: some events are nothing but words. */
const maxText = 1_500_000

/** Collects the results from a position down: to `end` where it is given, else until there are enough. */
export async function collectStretch(
  { index, visibility }: StretchDeps,
  reader: Reader,
  search: Search,
  below: number,
  end: number | undefined,
): Promise<Stretch> {
  const hits: Hit[] = []
  const pause = createYielder()
  let named = 0
  let looked = 0
  let text = 0
  for await (const batch of listCandidates(index, reader, search, below)) {
    const isBeyond = end !== undefined && batch.floor < end
    const positions = isBeyond ? batch.positions.filter((pos) => pos >= end) : batch.positions
    const events = await listEventsAt(reader, positions)
    hits.push(...(await judge(visibility, reader, search, events)))
    if (isBeyond) return { hits, floor: end }
    if (batch.isLast) return { hits, floor: undefined }
    named += batch.named
    looked += events.length
    for (const { pdu } of events) text += String(pdu.content.body ?? '').length
    const isEnough = end === undefined ? hits.length >= enoughHits : batch.floor === end
    if (isEnough || named >= maxNamed || looked >= maxEvents || text >= maxText) return { hits, floor: batch.floor }
    await pause()
  }
  return { hits, floor: undefined }
}
