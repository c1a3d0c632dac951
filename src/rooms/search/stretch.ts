import type { Reader } from '../../db/database.ts'
import { stringOf } from '../../matrix/content.ts'
import { createYielder } from '../../util/async.ts'
import type { RoomReads } from '../reads.ts'
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
  readonly reads: Pick<RoomReads, 'visibility' | 'erasures'>
}

/** So many events are read at once. */
const chunkSize = 64
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
  { index, reads }: StretchDeps,
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
    const wanted = end === undefined ? batch.positions : batch.positions.filter((pos) => pos >= end)
    for (let from = 0; from < wanted.length; from += chunkSize) {
      const events = await listEventsAt(reader, wanted.slice(from, from + chunkSize))
      hits.push(...(await judge(reads, reader, search, events)))
      looked += events.length
      for (const { pdu } of events) text += stringOf(pdu, 'body')?.length ?? 0
      const floor = wanted[from + chunkSize - 1]
      if (text >= maxText && floor !== undefined) return { hits, floor }
      await pause()
    }
    named += batch.named
    if (end !== undefined && batch.floor < end) return { hits, floor: end }
    if (batch.isLast) return { hits, floor: undefined }
    const isEnough = end === undefined ? hits.length >= enoughHits : batch.floor === end
    if (isEnough || named >= maxNamed || looked >= maxEvents) return { hits, floor: batch.floor }
  }
  return { hits, floor: undefined }
}
