import type { Database, Reader } from '../../db/database.ts'
import type { Streams } from '../../db/streams.ts'
import { errors } from '../../matrix/errors.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { Audience } from '../client-event.ts'
import type { RoomReads } from '../reads.ts'
import type { Search } from './hits.ts'
import type { SearchIndexer } from './indexer.ts'
import { cutPage } from './pages.ts'
import { searchedPhrases } from './phrases.ts'
import { type FoundEvents, nothingFound, type ResponseRequest, respond } from './response.ts'
import { searchIndexOf } from './search-index.ts'
import type { SearchQuery } from './search-query.ts'
import { formatSearchToken, parseSearchToken, type SearchPlace } from './search-token.ts'
import { searchableRooms } from './searchable-rooms.ts'
import { collectStretch } from './stretch.ts'

export interface SearchRequest extends Omit<SearchQuery, 'userId'>, ResponseRequest {
  /** Results of a page. */
  readonly limit: number
  readonly from: string | undefined
}

/**
 * Searches the texts of all rooms where the user is or was, as far as the user may see them. Throws `400 M_INVALID_PARAM`
 * for a token of another query. https://spec.matrix.org/v1.19/client-server-api/#server-side-search
 */
export type SearchEvents = (audience: Audience, request: SearchRequest) => Promise<FoundEvents>

interface Deps {
  readonly db: Database
  readonly streams: Pick<Streams, 'positionIn'>
  readonly reads: Pick<RoomReads, 'view' | 'visibility' | 'clientEvents' | 'erasures'>
  readonly indexer: Pick<SearchIndexer, 'catchUp'>
  readonly ignoredUsers: (reader: Reader, userId: UserId) => Promise<ReadonlySet<string>>
}

export function createEventSearch({ db, streams, reads, indexer, ignoredUsers }: Deps): SearchEvents {
  const index = searchIndexOf(db.engine)

  function readPlace(query: SearchQuery, from: string): SearchPlace {
    const place = parseSearchToken(query, from)
    if (place === undefined) throw errors.invalidParam('next_batch is not a token that this search got before')
    return place
  }

  return async (audience, request) => {
    const { userId } = audience
    const { term, kinds, order, filter, limit, from, groupBy } = request
    const query: SearchQuery = { userId, term, kinds, order, filter }
    const continued = from === undefined ? undefined : readPlace(query, from)
    const phrases = searchedPhrases(term)
    if (phrases.length === 0) return nothingFound(request)
    await indexer.catchUp()
    return db.read(async (reader) => {
      const place = continued ?? { below: 1 + (await streams.positionIn(reader)), counted: 0 }
      const { scope } = place
      const rooms = await searchableRooms(reads.view, reader, userId, {
        ...filter,
        ...(scope?.key === 'room_id' ? { only: scope.value } : {}),
      })
      const ignored = await ignoredUsers(reader, userId)
      const search: Search = { query, scope, phrases, rooms, ignored }
      const { view } = reads
      const stretch = await collectStretch({ index, reads }, reader, search, place.below, place.within?.floor)
      const page = cutPage(query, stretch, place, limit, groupBy)
      const toToken = (next: SearchPlace) => formatSearchToken(query, next)
      return respond({ ...reads, view, ignored, toToken }, reader, audience, page, request)
    })
  }
}
