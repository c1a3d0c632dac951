import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { GroupScope, SearchQuery } from './search-query.ts'

/**
 * How far the pages before have got. Results come from stretches of the stream, newest first, and each stretch is
 * sorted by itself: whatever is sent meanwhile is newer than all of them, and nothing comes twice.
 */
export interface SearchPlace {
  /** Results are looked for below this stream position. */
  readonly below: number
  /** Results in newer stretches. */
  readonly counted: number
  /** Where the stretch ends (inclusive), and the last result of the page before in it. */
  readonly within?: { readonly floor: number; readonly rank: number; readonly pos: number }
  readonly scope?: GroupScope
}

const hash = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 16)

/** The size of a page and what comes with each result may differ from page to page. */
function sealOf({ userId, term, kinds, order, filter }: SearchQuery, payload: string): string {
  const { limit: _, ...wanted } = filter
  const sorted = Object.entries(wanted).sort(([a], [b]) => (a < b ? -1 : 1))
  return hash([userId, term, [...kinds].sort(), order, sorted, payload])
}

/** A token that needs no memory and fits the very same query only. */
export function formatSearchToken(query: SearchQuery, { below, counted, within, scope }: SearchPlace): string {
  const fields = [
    [below, counted],
    within === undefined ? [] : [within.floor, within.rank, within.pos],
    scope === undefined ? [] : [scope.key, scope.value],
  ]
  const payload = Buffer.from(JSON.stringify(fields)).toString('base64url')
  return `f${payload}.${sealOf(query, payload)}`
}

const position = z.int()
const fields = z.tuple([
  z.tuple([position, position]),
  z.union([z.tuple([]), z.tuple([position, z.number(), position])]),
  z.union([z.tuple([]), z.tuple([z.enum(['room_id', 'sender']), z.string()])]),
])

/** Undefined for a token of another query, another user or nobody. */
export function parseSearchToken(query: SearchQuery, token: string): SearchPlace | undefined {
  const [, payload, seal] = /^f([\w-]{1,1000})\.([\w-]{16})$/.exec(token) ?? []
  if (payload === undefined || seal !== sealOf(query, payload)) return undefined
  // Anybody can compute a seal.
  const parsed = fields.safeParse(parseJson(Buffer.from(payload, 'base64url').toString()))
  if (!parsed.success) return undefined
  const [[below, counted], [floor, rank, pos], [key, value]] = parsed.data
  return {
    below,
    counted,
    ...(floor === undefined || rank === undefined || pos === undefined ? {} : { within: { floor, rank, pos } }),
    ...(key === undefined || value === undefined ? {} : { scope: { key, value } }),
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
