import { onceCommitted, type Reader, type Tx } from '../db/database.ts'
import { LruMap } from '../util/lru.ts'
import { getEventByNid, listEventsByNid } from './store-events.ts'
import type { StoredEvent } from './types.ts'

/**
 * Parsed events by number. What changes an event is a redaction, from which on the cache takes just the redacted form, or
 * that it gets a place in its room: an old snapshot cannot bring back what was before.
 */
export interface EventCache {
  get(reader: Reader, nid: number): Promise<StoredEvent | undefined>
  list(reader: Reader, nids: readonly number[]): Promise<ReadonlyMap<number, StoredEvent>>
  /** What is in memory. */
  peek(nid: number): StoredEvent | undefined
  remember(event: StoredEvent): void
  forgetAfterCommit(tx: Tx, nid: number): void
  /** From the commit on the event is as given, whatever older snapshots say. */
  replaceAfterCommit(tx: Tx, event: StoredEvent): void
  /** How often events have been purged: who remembers numbers of events forgets them when it changes. */
  purges(): number
  /** From the commit on the events are gone. */
  purgeAfterCommit(tx: Tx, nids: readonly number[]): void
}

const page = 500

export function createEventCache(capacity = 20_000): EventCache {
  const cache = new LruMap<number, StoredEvent>(capacity)
  const redacted = new LruMap<number, true>(capacity)
  const replaced = new LruMap<number, StoredEvent>(capacity)

  let purges = 0

  function remember(event: StoredEvent): void {
    if (event.redactedBy === undefined && redacted.has(event.nid)) return
    const newer = event.redactedBy === undefined ? replaced.get(event.nid) : undefined
    cache.set(event.nid, newer ?? event)
  }

  return {
    get: async (reader, nid) => {
      const cached = cache.get(nid)
      if (cached !== undefined) return cached
      const event = await getEventByNid(reader, nid)
      if (event !== undefined) onceCommitted(reader, () => remember(event))
      return event
    },
    list: async (reader, nids) => {
      const found = new Map<number, StoredEvent>()
      const missing: number[] = []
      for (const nid of nids) {
        const cached = cache.get(nid)
        if (cached === undefined) missing.push(nid)
        else found.set(nid, cached)
      }
      for (let i = 0; i < missing.length; i += page) {
        for (const event of await listEventsByNid(reader, missing.slice(i, i + page))) {
          found.set(event.nid, event)
          onceCommitted(reader, () => remember(event))
        }
      }
      return found
    },
    peek: (nid) => cache.get(nid),
    remember,
    forgetAfterCommit: (tx, nid) =>
      tx.afterCommit(() => {
        redacted.set(nid, true)
        replaced.delete(nid)
        cache.delete(nid)
      }),
    replaceAfterCommit: (tx, event) =>
      tx.afterCommit(() => {
        if (event.redactedBy === undefined && redacted.has(event.nid)) return
        replaced.set(event.nid, event)
        cache.set(event.nid, event)
      }),
    purges: () => purges,
    purgeAfterCommit: (tx, nids) =>
      tx.afterCommit(() => {
        purges += 1
        for (const nid of nids) {
          replaced.delete(nid)
          cache.delete(nid)
        }
      }),
  }
}
