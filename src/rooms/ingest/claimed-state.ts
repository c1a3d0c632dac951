import type { Database } from '../../db/database.ts'
import type { EventId } from '../../matrix/ids.ts'
import { createYielder } from '../../util/async.ts'
import type { States } from '../states.ts'
import type { StateNids } from '../types.ts'
import type { Outlier } from './outliers.ts'

/** A state as another server gave it, without what is not valid in it. */
export interface ClaimedState {
  readonly nids: StateNids
  readonly createId: EventId | undefined
}

/** The state that consists of these events, of those that are valid. */
export async function readClaimedState(
  { db, states }: { readonly db: Database; readonly states: States },
  ids: Iterable<EventId | undefined>,
  known: ReadonlyMap<EventId, Outlier>,
): Promise<ClaimedState> {
  const nids = new Map<number, number>()
  let createId: EventId | undefined
  const pause = createYielder()
  await db.read(async (reader) => {
    for (const id of ids) {
      await pause()
      const event = id && known.get(id)
      const stateKey = event?.pdu.state_key
      if (event === undefined || event.status === 2 || stateKey === undefined) continue
      const keyNid = event.keyNid ?? (await states.keyNid(reader, event.pdu.type, stateKey))
      if (keyNid === undefined) throw new Error(`the state key of ${id} is not stored`)
      nids.set(keyNid, event.nid)
      if (event.pdu.type === 'm.room.create') createId = id
    }
  })
  return { nids, createId }
}
