import { type Filled, fillRooms } from '../fill/fill.ts'
import { createTexts } from '../fill/texts.ts'
import { call } from '../http/call.ts'
import { listAt } from '../http/json.ts'
import { type Session, withServer } from '../matrix/session.ts'
import { rssMib } from '../measure/process.ts'
import { percentile } from '../measure/stats.ts'
import { type Bench, type Metric, metricsOf, type Scenario } from '../scenario.ts'

const { lower, detail } = metricsOf('search')
const ROOMS = 50
const REPEATS = 30

interface Query {
  id: string
  label: string
  /** A place in the list of words, from the most common one. */
  words(index: number): readonly number[]
  criteria(filled: Filled, index: number): object
}

const asElement = {
  order_by: 'recent',
  event_context: { before_limit: 1, after_limit: 1, include_profile: true },
}
const inRoom = (filled: Filled, index: number) => ({ filter: { rooms: [filled.rooms[index % filled.rooms.length]] } })

const QUERIES: readonly Query[] = [
  { id: 'common', label: 'a word of most messages, newest', words: (i) => [i % 3], criteria: () => asElement },
  { id: 'usual', label: 'a usual word, newest', words: (i) => [50 + i], criteria: () => asElement },
  { id: 'rare', label: 'a rare word, newest', words: (i) => [5000 + 97 * i], criteria: () => asElement },
  { id: 'rank', label: 'a usual word, best', words: (i) => [50 + i], criteria: () => ({}) },
  { id: 'two', label: 'two words, best', words: (i) => [i % 3, 300 + i], criteria: () => ({}) },
  {
    id: 'room',
    label: 'a usual word in one room, newest',
    words: (i) => [100 + i],
    criteria: (filled, i) => ({ ...asElement, ...inRoom(filled, i) }),
  },
  {
    id: 'groups',
    label: 'a usual word by room, best, with state',
    words: (i) => [100 + i],
    criteria: () => ({ groupings: { group_by: [{ key: 'room_id' }] }, include_state: true }),
  },
]

/** Fills rooms with messages and searches them, one search at a time. */
export const search: Scenario = {
  name: 'search',
  what: 'POST /search over many messages in 50 rooms, for words that are common, usual and rare',
  async run(bench) {
    const filled = await fillRooms(bench, ROOMS, bench.options.searchMessages)
    return await withServer(bench, (session) => measure(bench, session, filled))
  },
}

async function measure(bench: Bench, session: Session, filled: Filled): Promise<Metric[]> {
  const { words } = createTexts()
  const token = filled.accounts[0]?.token
  const all: number[] = []
  const metrics: Metric[] = []
  for (const query of QUERIES) {
    bench.progress(`search: ${query.label}`)
    const times: number[] = []
    let found = 0
    for (let i = 0; i < REPEATS; i++) {
      const term = query
        .words(i)
        .map((place) => words[place] ?? '')
        .join(' ')
      const criteria = { search_term: term, ...query.criteria(filled, i) }
      const start = performance.now()
      const answer = await call(session.pool, 'POST', '/_matrix/client/v3/search', token, {
        search_categories: { room_events: criteria },
      })
      times.push(performance.now() - start)
      found += resultsIn(answer)
    }
    all.push(...times)
    metrics.push(
      lower(`${query.id}.p50`, `${query.label}: p50`, percentile(times, 0.5), 'ms'),
      lower(`${query.id}.p95`, `${query.label}: p95`, percentile(times, 0.95), 'ms'),
      detail(`${query.id}.results`, `${query.label}: results of a search`, found / REPEATS, 'results'),
    )
  }
  return [
    lower('p95', `all searches in ${filled.messages} messages: p95`, percentile(all, 0.95), 'ms'),
    ...metrics,
    lower('rss', 'RSS after searching', rssMib(session.server.pids), 'MiB'),
  ]
}

function resultsIn(answer: Awaited<ReturnType<typeof call>>): number {
  const { search_categories: categories } = answer
  const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
  if (!isObject(categories) || !isObject(categories.room_events)) throw new Error('an answer without room_events')
  return listAt(categories.room_events, 'results').length
}
