import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import { prepareList } from '../../db/prepare-list.ts'

const bases = prepareList((qb, nids: readonly number[]) =>
  qb.selectFrom('states').select(['state_nid', 'base_nid']).where('state_nid', 'in', nids),
)

/** What these states are based on. */
export async function listBases(reader: Reader, nids: readonly number[]): Promise<number[]> {
  return (await bases(reader, nids)).flatMap((row) => row.base_nid ?? [])
}

const changes = prepare((qb, p: { nid: number; after: number; limit: number }) =>
  qb
    .selectFrom('state_changes')
    .select(['key_nid', 'event_nid'])
    .where('state_nid', '=', p.nid)
    .where('key_nid', '>', p.after)
    .orderBy('key_nid')
    .limit(p.limit),
)

/** A page of what a state changes. */
export const listChangesAfter = (reader: Reader, page: { nid: number; after: number; limit: number }) =>
  changes.all(reader, page)

const statesOf = prepare((qb, p: { roomNid: number; after: string; limit: number }) =>
  qb
    .selectFrom('states')
    .select(['state_nid', 'digest'])
    .where('room_nid', '=', p.roomNid)
    .where('digest', '>', p.after)
    .orderBy('digest')
    .limit(p.limit),
)

/** A page of a room's states, by their digests. */
export const listStates = (reader: Reader, page: { roomNid: number; after: string; limit: number }) =>
  statesOf.all(reader, page)

const authsOf = prepareList((qb, nids: readonly number[]) =>
  qb.selectFrom('event_auth').select('auth_nid').where('event_nid', 'in', nids),
)

export async function listAuths(reader: Reader, nids: readonly number[]): Promise<number[]> {
  return (await authsOf(reader, nids)).map((row) => row.auth_nid)
}

const authsSince = prepare((qb, p: { roomNid: number; after: number; upTo: number }) =>
  qb
    .selectFrom('event_auth as a')
    .innerJoin('events as e', 'e.event_nid', 'a.event_nid')
    .select('a.auth_nid')
    .where('a.event_nid', '>', p.after)
    .where('a.event_nid', '<=', p.upTo)
    .where('e.room_nid', '=', p.roomNid),
)

/** What authorises events of a room whose numbers are in a range: beyond the first, up to the last. */
export async function listNewAuths(
  reader: Reader,
  range: { roomNid: number; after: number; upTo: number },
): Promise<number[]> {
  return (await authsSince.all(reader, range)).map((row) => row.auth_nid)
}

const newestEvent = prepare((qb) => qb.selectFrom('events').select(({ fn }) => fn.max('event_nid').as('nid')))

export async function getNewestNid(reader: Reader): Promise<number> {
  return (await newestEvent.first(reader, {}))?.nid ?? 0
}

/** The events that the present of a room is made of, besides those in states. */
export async function listPresent(reader: Reader, roomNid: number): Promise<number[]> {
  const rows = [
    ...(await reader.qb.selectFrom('current_state').select('event_nid').where('room_nid', '=', roomNid).execute()),
    ...(await reader.qb.selectFrom('memberships').select('event_nid').where('room_nid', '=', roomNid).execute()),
  ]
  return rows.map((row) => row.event_nid)
}

const newestState = prepare((qb) => qb.selectFrom('states').select(({ fn }) => fn.max('state_nid').as('nid')))

/** States that are being deleted belong to no room any more. */
export const nowhere = 0

/**
 * Deletes at most `limit` rows of a state, the state itself last; returns how many. Before its changes go nobody finds it by
 * its digest any more. As with events the highest number is never given again.
 */
export async function deleteStateRows(tx: Tx, nid: number, limit: number): Promise<number> {
  await tx.qb
    .updateTable('states')
    .set({ room_nid: nowhere, digest: `purged ${nid}`, base_nid: null })
    .where('state_nid', '=', nid)
    .where('room_nid', '<>', nowhere)
    .execute()
  const keys = (await changes.all(tx, { nid, after: -1, limit })).map((row) => row.key_nid)
  if (keys.length > 0) {
    await tx.qb.deleteFrom('state_changes').where('state_nid', '=', nid).where('key_nid', 'in', keys).execute()
  }
  if (keys.length === limit) return limit
  const last = (await newestState.first(tx, {}))?.nid ?? 0
  await tx.qb.deleteFrom('states').where('state_nid', '=', nid).where('state_nid', '<', last).execute()
  return keys.length
}
