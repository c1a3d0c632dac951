import type { Reader } from '../../db/database.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { stickyDuration, stickyKeys } from '../../matrix/sticky.ts'
import type { StoredEvent } from '../types.ts'
import { listExpiries } from './store-sticky.ts'

/** How long each sticky event is so yet, as `unsigned` says it, by the numbers of the events. */
export async function stickyUnsigned(
  reader: Reader,
  events: readonly StoredEvent[],
  now: number,
): Promise<ReadonlyMap<number, JsonObject>> {
  const sticky = events.filter(({ pdu }) => stickyDuration(pdu) !== undefined)
  if (sticky.length === 0) return new Map()
  const nids = sticky.map(({ nid }) => nid)
  const expiries = await listExpiries(reader, nids)
  return new Map(
    nids.map((nid) => {
      const left = Math.max((expiries.get(nid) ?? now) - now, 0)
      return [nid, { sticky_duration_ttl_ms: left, msc4354_sticky_duration_ttl_ms: left }]
    }),
  )
}

/** The keys of an event that say that it is sticky. */
export function stickyParts({ pdu }: StoredEvent): JsonObject {
  const parts: JsonObject = {}
  for (const key of stickyKeys) {
    const value = pdu[key]
    if (value !== undefined) parts[key] = value
  }
  return parts
}
