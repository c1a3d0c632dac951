import type { Database } from '../../db/database.ts'
import { inPages } from '../../db/delete-pages.ts'
import { createYielder } from '../../util/async.ts'
import type { Needed } from './needed.ts'
import { deleteStateRows, listStates, nowhere } from './store-purge-states.ts'

const page = 500

/**
 * Deletes the states of a room that nothing needs, the newest first: as long as a state is there, so is what it is based on, and
 * whoever comes to the same state again may go on from it.
 */
export async function sweepStates(db: Database, roomNid: number, needed: Needed, signal: AbortSignal): Promise<void> {
  const unneeded = await listAll(db, nowhere, signal)
  for (const nid of await listAll(db, roomNid, signal)) if (!needed.states.has(nid)) unneeded.push(nid)
  await deleteStates(db, unneeded, needed, signal)
}

/** Deletes all states of a room. */
export async function deleteAllStates(db: Database, roomNid: number, signal: AbortSignal): Promise<void> {
  for (const place of [nowhere, roomNid]) {
    await deleteStates(db, await listAll(db, place, signal), undefined, signal)
  }
}

async function listAll(db: Database, roomNid: number, signal: AbortSignal): Promise<number[]> {
  const found: number[] = []
  const pause = createYielder()
  for (let after = '', isMore = true; isMore; await pause()) {
    signal.throwIfAborted()
    const from = after
    const states = await db.read((reader) => listStates(reader, { roomNid, after: from, limit: page }))
    for (const { state_nid: nid } of states) found.push(nid)
    after = states.at(-1)?.digest ?? after
    isMore = states.length === page
  }
  return found
}

async function deleteStates(
  db: Database,
  nids: readonly number[],
  needed: Needed | undefined,
  signal: AbortSignal,
): Promise<void> {
  const left = nids.toSorted((a, b) => a - b)
  // What there is much of is looked at before the write.
  const prepare = needed && (() => db.read((reader) => needed.refresh(reader)))
  await inPages(
    db,
    'purge states',
    signal,
    async (tx, limit) => {
      await needed?.refresh(tx)
      for (let deleted = 0; deleted < limit && left.length > 0; ) {
        const nid = left.at(-1) ?? 0
        const rows = needed?.states.has(nid) ? 0 : await deleteStateRows(tx, nid, limit - deleted)
        if (rows < limit - deleted) left.pop()
        deleted += rows + 1
      }
      return left.length > 0 ? limit : 0
    },
    prepare,
  )
}
