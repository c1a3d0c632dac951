import type { Tx } from '../../db/database.ts'
import type { EventCache } from '../event-cache.ts'
import type { SearchIndexer } from '../search/indexer.ts'
import { deleteRelation } from '../store-relations.ts'
import type { StoredEvent } from '../types.ts'
import type { PurgedRoom, PurgeHook } from './ports.ts'
import { deleteAuthEdges, deleteEventRows, deletePlaces, listRelating, unplace } from './store-purge.ts'

export interface EventRemovalDeps {
  readonly events: EventCache
  readonly indexer: Pick<SearchIndexer, 'remove'>
  readonly hooks: readonly PurgeHook[]
}

export interface EventRemoval {
  /** Deletes events with all that is about them alone. */
  remove(tx: Tx, room: PurgedRoom, nids: readonly number[]): Promise<void>
  /** Takes events out of the history that others still refer to: as if only those had ever been told. */
  unplace(tx: Tx, room: PurgedRoom, nids: readonly number[]): Promise<void>
}

export function createEventRemoval({ events: cache, indexer, hooks }: EventRemovalDeps): EventRemoval {
  /** Nobody is to find them in the history, nor by what they relate to. */
  async function hide(tx: Tx, room: PurgedRoom, events: readonly StoredEvent[]): Promise<void> {
    const nids = events.map(({ nid }) => nid)
    const relating = await listRelating(tx, nids)
    for (const event of events) if (relating.has(event.nid)) await deleteRelation(tx, event)
    await indexer.remove(
      tx,
      events.flatMap(({ streamPos }) => streamPos ?? []),
    )
    for (const hook of hooks) await hook.events?.(tx, room, events)
    await deletePlaces(
      tx,
      nids,
      events.map(({ eventId }) => eventId),
    )
  }

  return {
    remove: async (tx, room, nids) => {
      if (nids.length === 0) return
      await hide(tx, room, [...(await cache.list(tx, nids)).values()])
      await deleteAuthEdges(tx, nids)
      await deleteEventRows(tx, nids)
      cache.purgeAfterCommit(tx, nids)
    },
    unplace: async (tx, room, nids) => {
      const events = [...(await cache.list(tx, nids)).values()]
      if (events.length === 0) return
      await hide(tx, room, events)
      await unplace(tx, nids)
      const nowhere = { streamPos: undefined, beforeNid: undefined, stateNid: undefined, currentNid: undefined }
      for (const event of events) cache.replaceAfterCommit(tx, { ...event, ...nowhere, threadId: undefined })
    },
  }
}
