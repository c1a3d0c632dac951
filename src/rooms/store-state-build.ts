import type { Tx } from '../db/database.ts'
import { insertState } from './store-state.ts'

/** States of depth 0 are roots: whatever is built on them is stored as what changed since. */
const rootDepth = 0

/** Begins a state that is written over several transactions; nothing refers to it yet. */
export async function insertUnfinishedState(tx: Tx, roomNid: number, token: string): Promise<number> {
  const row = { room_nid: roomNid, depth: rootDepth, base_nid: null, digest: `unfinished ${token}` }
  return (await insertState(tx, row, new Map())).state_nid
}

export async function updateDigest(tx: Tx, stateNid: number, digest: string): Promise<void> {
  await tx.qb.updateTable('states').set({ digest }).where('state_nid', '=', stateNid).execute()
}

export async function deleteState(tx: Tx, stateNid: number): Promise<void> {
  await tx.qb.deleteFrom('state_changes').where('state_nid', '=', stateNid).execute()
  await tx.qb.deleteFrom('states').where('state_nid', '=', stateNid).execute()
}
