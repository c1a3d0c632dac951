import { createHash } from 'node:crypto'
import type { Database, Reader } from '../db/database.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import { type SyncFilter, syncFilter } from '../matrix/filter-schema.ts'
import type { UserId } from '../matrix/ids.ts'
import { getFilterJson, insertFilter } from './store-filters.ts'

export interface Filters {
  /** Stores a filter that `syncFilter` has accepted; equal ones of a user share an id. */
  create(userId: UserId, filter: JsonObject): Promise<string>
  /** A stored filter as it was given. */
  getRaw(reader: Reader, userId: UserId, filterId: string): Promise<JsonObject | undefined>
  /** The `filter` parameter of a request: JSON or the id of a stored one. Throws `M_BAD_JSON` or `M_INVALID_PARAM`. */
  resolve(reader: Reader, userId: UserId, parameter: string | undefined): Promise<SyncFilter>
}

export function createFilters({ db }: { db: Database }): Filters {
  const getRaw: Filters['getRaw'] = async (reader, userId, filterId) => {
    if (!/^[0-9]{1,15}$/.test(filterId)) return undefined
    const json = await getFilterJson(reader, userId, Number(filterId))
    return json === undefined ? undefined : (JSON.parse(json) as JsonObject)
  }
  return {
    create: async (userId, filter) => {
      const json = JSON.stringify(filter)
      const digest = createHash('sha256').update(json).digest('base64url')
      return String(await db.write('filter', (tx) => insertFilter(tx, userId, digest, json)))
    },
    getRaw,
    resolve: async (reader, userId, parameter) => {
      if (parameter === undefined || parameter === '') return {}
      const raw = parameter.startsWith('{') ? parse(parameter) : await getRaw(reader, userId, parameter)
      if (raw === undefined) throw errors.invalidParam('There is no such filter')
      const result = syncFilter.safeParse(raw)
      if (!result.success) throw errors.badJson(`The filter is not valid: ${result.error.issues[0]?.message}`)
      return result.data
    },
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw errors.badJson('The filter is not valid JSON')
  }
}
