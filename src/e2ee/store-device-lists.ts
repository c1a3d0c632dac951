import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'

const put = prepare((qb, p: { userId: string; observer: string; position: number }) =>
  qb
    .insertInto('device_list_changes')
    .values({ user_id: p.userId, observer: p.observer, stream_pos: p.position })
    .onConflict((c) =>
      c.columns(['user_id', 'observer']).doUpdateSet((eb) => ({ stream_pos: eb.ref('excluded.stream_pos') })),
    ),
)
const since = prepare((qb, p: { since: number; observer: string }) =>
  qb
    .selectFrom('device_list_changes')
    .select(['user_id', 'observer'])
    .where('stream_pos', '>', p.since)
    .where('observer', 'in', ['', p.observer]),
)

/** An empty observer stands for everybody. */
export async function upsertDeviceListChange(
  tx: Tx,
  change: { userId: string; observer: string; position: number },
): Promise<void> {
  await put.run(tx, change)
}

/** Users whose keys changed after a position, for everybody (`isPrivate` false) or for this observer only. */
export async function listDeviceListChanges(
  reader: Reader,
  observer: string,
  after: number,
): Promise<{ userId: string; isPrivate: boolean }[]> {
  const rows = await since.all(reader, { since: after, observer })
  return rows.map((row) => ({ userId: row.user_id, isPrivate: row.observer !== '' }))
}

const publicChanges = prepare((qb, p: { after: number; limit: number }) =>
  qb
    .selectFrom('device_list_changes')
    .select(['user_id', 'stream_pos'])
    .where('stream_pos', '>', p.after)
    .where('observer', '=', '')
    .orderBy('stream_pos')
    .limit(p.limit),
)

/** Users whose keys changed for everybody after a position, in the order of their last change. */
export async function listChangedUsers(
  reader: Reader,
  after: number,
  limit: number,
): Promise<{ userId: string; position: number }[]> {
  const rows = await publicChanges.all(reader, { after, limit })
  return rows.map((row) => ({ userId: row.user_id, position: row.stream_pos }))
}

const last = prepare((qb, p: { userId: string }) =>
  qb.selectFrom('device_list_changes').select('stream_pos').where('user_id', '=', p.userId).where('observer', '=', ''),
)

/** The position of a user's last change that everybody sees; 0: there was none. */
export async function getLastChange(reader: Reader, userId: string): Promise<number> {
  return (await last.first(reader, { userId }))?.stream_pos ?? 0
}
