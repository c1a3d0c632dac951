import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'

export interface StateRow {
  readonly state_nid: number
  readonly room_nid: number
  readonly depth: number
  readonly base_nid: number | null
  readonly digest: string
}

const stateByNid = prepare((qb, p: { nid: number }) =>
  qb.selectFrom('states').selectAll().where('state_nid', '=', p.nid),
)
const stateByDigest = prepare((qb, p: { roomNid: number; digest: string }) =>
  qb.selectFrom('states').selectAll().where('room_nid', '=', p.roomNid).where('digest', '=', p.digest),
)
const insertStateRow = prepare((qb, p: { room_nid: number; depth: number; base_nid: number | null; digest: string }) =>
  qb
    .insertInto('states')
    .values({ room_nid: p.room_nid, depth: p.depth, base_nid: p.base_nid, digest: p.digest })
    .returning('state_nid'),
)
const insertChange = prepare((qb, p: { state_nid: number; key_nid: number; event_nid: number }) =>
  qb.insertInto('state_changes').values({ state_nid: p.state_nid, key_nid: p.key_nid, event_nid: p.event_nid }),
)
const changesOf = prepare((qb, p: { nid: number }) =>
  qb.selectFrom('state_changes').select(['key_nid', 'event_nid']).where('state_nid', '=', p.nid),
)
const changeOf = prepare((qb, p: { nid: number; keyNid: number }) =>
  qb.selectFrom('state_changes').select('event_nid').where('state_nid', '=', p.nid).where('key_nid', '=', p.keyNid),
)
const keyNid = prepare((qb, p: { type: string; stateKey: string }) =>
  qb.selectFrom('state_keys').select('key_nid').where('type', '=', p.type).where('state_key', '=', p.stateKey),
)
const insertKey = prepare((qb, p: { type: string; stateKey: string }) =>
  qb.insertInto('state_keys').values({ type: p.type, state_key: p.stateKey }).returning('key_nid'),
)

export const getState = (reader: Reader, nid: number) => stateByNid.first(reader, { nid })
export const getStateByDigest = (reader: Reader, roomNid: number, digest: string) =>
  stateByDigest.first(reader, { roomNid, digest })
export const listChanges = (reader: Reader, nid: number) => changesOf.all(reader, { nid })
export const getChange = (reader: Reader, nid: number, key: number) => changeOf.first(reader, { nid, keyNid: key })

export async function insertChanges(
  tx: Tx,
  stateNid: number,
  changes: Iterable<readonly [key: number, eventNid: number]>,
): Promise<void> {
  for (const [key, eventNid] of changes) {
    await insertChange.run(tx, { state_nid: stateNid, key_nid: key, event_nid: eventNid })
  }
}

export async function insertState(
  tx: Tx,
  row: Omit<StateRow, 'state_nid'>,
  changes: ReadonlyMap<number, number>,
): Promise<StateRow> {
  const inserted = await insertStateRow.first(tx, row)
  if (inserted === undefined) throw new Error('the state was not inserted')
  await insertChanges(tx, inserted.state_nid, changes)
  return { ...row, state_nid: inserted.state_nid }
}

export async function getKeyNid(reader: Reader, type: string, stateKey: string): Promise<number | undefined> {
  return (await keyNid.first(reader, { type, stateKey }))?.key_nid
}

export async function insertKeyNid(tx: Tx, type: string, stateKey: string): Promise<number> {
  const inserted = await insertKey.first(tx, { type, stateKey })
  if (inserted === undefined) throw new Error('the state key was not inserted')
  return inserted.key_nid
}

/** Type and state key by number, for as many as fit one query. */
export async function listKeys(reader: Reader, nids: readonly number[]) {
  if (nids.length === 0) return []
  return reader.qb.selectFrom('state_keys').selectAll().where('key_nid', 'in', nids).execute()
}
