/** Searches as a client makes them. */
import type { JsonObject } from '../../src/matrix/event.ts'
import { type SeenEvent, v3 } from './rooms.ts'
import type { TestUser } from './server.ts'

export interface FoundEvent {
  rank: number
  result: SeenEvent
  context?: {
    start: string
    end: string
    events_before: SeenEvent[]
    events_after: SeenEvent[]
    profile_info?: Record<string, { displayname?: string; avatar_url?: string }>
  }
}

export interface FoundGroup {
  order: number
  results: string[]
  next_batch?: string
}

export interface Found {
  count: number
  highlights: string[]
  results: FoundEvent[]
  state?: Record<string, SeenEvent[]>
  groups?: Record<string, Record<string, FoundGroup>>
  next_batch?: string
}

export const searchPath = `${v3}/search`

export const searchBody = (term: string, criteria: object = {}) => ({
  search_categories: { room_events: { search_term: term, ...criteria } },
})

export async function search(user: TestUser, term: string, criteria: object = {}, next?: string): Promise<Found> {
  const options = next === undefined ? {} : { query: { next_batch: next } }
  const answer = await user.post<JsonObject>(searchPath, searchBody(term, criteria), options)
  const { room_events: found } = answer.search_categories as unknown as { room_events: Found }
  return found
}

export const idsOf = ({ results }: Pick<Found, 'results'>) => results.map(({ result }) => result.event_id)

/** The ids of what a search finds, most recent first. */
export const findRecent = async (user: TestUser, term: string, criteria: object = {}) =>
  idsOf(await search(user, term, { order_by: 'recent', ...criteria }))
