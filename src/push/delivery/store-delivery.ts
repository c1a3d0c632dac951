import { sql } from 'kysely'
import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import type { PusherKey, PusherRow } from '../store-pushers.ts'

export type PusherState = Pick<PusherRow, 'position' | 'badge' | 'attempts' | 'retry_ts' | 'last_error'>

const update = prepare((qb, p: PusherKey & PusherState & { setTs: number }) =>
  qb
    .updateTable('pushers')
    .set({
      position: p.position,
      badge: p.badge,
      attempts: p.attempts,
      retry_ts: p.retry_ts,
      last_error: p.last_error,
    })
    .where('user_id', '=', p.userId)
    .where('app_id', '=', p.appId)
    .where('pushkey', '=', p.pushkey)
    .where('set_ts', '=', p.setTs),
)

export const keyOf = (row: Pick<PusherRow, 'user_id' | 'app_id' | 'pushkey'>): PusherKey => ({
  userId: row.user_id,
  appId: row.app_id,
  pushkey: row.pushkey,
})

/** One text for the key; ids hold no U+0000. */
export const nameOf = ({ userId, appId, pushkey }: PusherKey): string => [userId, appId, pushkey].join('\0')

/** Does nothing for a pusher that was set anew meanwhile: it may have another gateway. */
export async function recordState(tx: Tx, row: PusherRow, state: PusherState): Promise<void> {
  await update.run(tx, { ...keyOf(row), ...state, setTs: row.set_ts })
}

const any = prepare((qb, _: object) => qb.selectFrom('pushers').select('enabled').where('enabled', '=', 1).limit(1))
const anyInRoom = prepare((qb, p: { roomNid: number }) =>
  qb
    .selectFrom('push_members')
    .select('user_id')
    .where('room_nid', '=', p.roomNid)
    .where(sql<boolean>`has_pusher = 1`)
    .limit(1),
)
const flagged = prepare((qb, p: { roomNid: number; classNid: number; after: string; limit: number }) =>
  qb
    .selectFrom('push_members')
    .select('user_id')
    .where('room_nid', '=', p.roomNid)
    .where('class_nid', '=', p.classNid)
    .where(sql<boolean>`has_pusher = 1`)
    .where('user_id', '>', p.after)
    .orderBy('user_id')
    .limit(p.limit),
)

/** Whether anybody has a pusher. */
export async function hasPushers(reader: Reader): Promise<boolean> {
  return (await any.first(reader, {})) !== undefined
}

/** Whether anybody in the room has a pusher. */
export async function hasPushersIn(reader: Reader, roomNid: number): Promise<boolean> {
  return (await anyInRoom.first(reader, { roomNid })) !== undefined
}

/** Members of a class in a room who have pushers, by user id, those after `after`. */
export async function listMembersWithPushers(
  reader: Reader,
  page: { roomNid: number; classNid: number; after: string; limit: number },
): Promise<string[]> {
  return (await flagged.all(reader, page)).map((row) => row.user_id)
}

/** Those of some users who are in a room and have pushers. */
export async function listThoseWithPushers(
  reader: Reader,
  roomNid: number,
  userIds: readonly string[],
): Promise<string[]> {
  const found: string[] = []
  for (let i = 0; i < userIds.length; i += chunk) {
    const rows = await reader.qb
      .selectFrom('push_members')
      .select('user_id')
      .where('room_nid', '=', roomNid)
      .where('user_id', 'in', userIds.slice(i, i + chunk))
      .where('has_pusher', '=', 1)
      .execute()
    found.push(...rows.map((row) => row.user_id))
  }
  return found
}

const chunk = 500

/** The enabled pushers of some users, at most a few hundred. */
export function listPushersOf(reader: Reader, userIds: readonly string[]): Promise<PusherRow[]> {
  return reader.qb.selectFrom('pushers').selectAll().where('user_id', 'in', userIds).where('enabled', '=', 1).execute()
}

/** All enabled pushers in the order of their keys, those after `after`. */
export function listEnabledPushers(reader: Reader, after: PusherKey, limit: number): Promise<PusherRow[]> {
  return reader.qb
    .selectFrom('pushers')
    .selectAll()
    .where('enabled', '=', 1)
    .where(sql<boolean>`(user_id, app_id, pushkey) > (${after.userId}, ${after.appId}, ${after.pushkey})`)
    .orderBy('user_id')
    .orderBy('app_id')
    .orderBy('pushkey')
    .limit(limit)
    .execute()
}

const advance = prepare((qb, p: PusherKey & { position: number }) =>
  qb
    .updateTable('pushers')
    .set({ position: p.position })
    .where('user_id', '=', p.userId)
    .where('app_id', '=', p.appId)
    .where('pushkey', '=', p.pushkey)
    .where('position', '<', p.position),
)

export async function advancePusher(tx: Tx, key: PusherKey, position: number): Promise<void> {
  await advance.run(tx, { ...key, position })
}
