import type { Database } from '../db/database.ts'
import { createYielder } from '../util/async.ts'
import { randomString } from '../util/random.ts'
import { noDigest, toggle } from './states.ts'
import { getStateByDigest, insertChanges } from './store-state.ts'
import { deleteState, insertUnfinishedState, updateDigest } from './store-state-build.ts'
import type { StateNids } from './types.ts'

const page = 500

/**
 * Stores a state that comes from elsewhere as a whole, a page at a time, so that large ones hold nobody up. Returns its
 * number; nothing refers to it unless its caller makes that so.
 */
export async function buildState(db: Database, roomNid: number, state: StateNids): Promise<number> {
  const pause = createYielder()
  let digest = noDigest
  for (const [key, eventNid] of state) {
    digest = toggle(digest, key, eventNid)
    await pause()
  }
  const known = await db.read((reader) => getStateByDigest(reader, roomNid, digest))
  if (known !== undefined) return known.state_nid
  const token = randomString(12)
  const made = await db.write('begin a state', (tx) => insertUnfinishedState(tx, roomNid, token))
  const entries = [...state]
  for (let from = 0; from < entries.length; from += page) {
    await db.write('write a state', (tx) => insertChanges(tx, made, entries.slice(from, from + page)))
  }
  return db.write('finish a state', async (tx) => {
    const equal = await getStateByDigest(tx, roomNid, digest)
    if (equal === undefined) {
      await updateDigest(tx, made, digest)
      return made
    }
    await deleteState(tx, made)
    return equal.state_nid
  })
}
