import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import type { SentRoom } from './connection.ts'

interface SentRow {
  readonly conn_nid: number
  readonly is_pending: number
  readonly room_nid: number
  readonly sent_pos: number | null
  readonly timeline_limit: number
  readonly config: string
  readonly is_dm: number
}

const ofConnection = prepare((qb, p: { nid: number; isPending: number }) =>
  qb.selectFrom('sliding_rooms').selectAll().where('conn_nid', '=', p.nid).where('is_pending', '=', p.isPending),
)
const insertRow = prepare((qb, p: SentRow) =>
  qb.insertInto('sliding_rooms').values({
    conn_nid: p.conn_nid,
    is_pending: p.is_pending,
    room_nid: p.room_nid,
    sent_pos: p.sent_pos,
    timeline_limit: p.timeline_limit,
    config: p.config,
    is_dm: p.is_dm,
  }),
)

export async function listSentRooms(
  reader: Reader,
  connNid: number,
  isPending: boolean,
): Promise<[number, SentRoom][]> {
  const rows = await ofConnection.all(reader, { nid: connNid, isPending: isPending ? 1 : 0 })
  return rows.map((row) => [
    row.room_nid,
    {
      sentPos: row.sent_pos ?? undefined,
      timelineLimit: row.timeline_limit,
      config: row.config,
      isDm: row.is_dm === 1,
    },
  ])
}

/** Writes rooms that the connection has no row of this kind for. */
export async function insertSentRooms(
  tx: Tx,
  connNid: number,
  isPending: boolean,
  rooms: ReadonlyMap<number, SentRoom>,
): Promise<void> {
  for (const [roomNid, { sentPos, timelineLimit, config, isDm }] of rooms) {
    await insertRow.run(tx, {
      conn_nid: connNid,
      is_pending: isPending ? 1 : 0,
      room_nid: roomNid,
      sent_pos: sentPos ?? null,
      timeline_limit: timelineLimit,
      config,
      is_dm: isDm ? 1 : 0,
    })
  }
}

/** Makes of what may have arrived what has. */
export async function confirmPendingRooms(tx: Tx, connNid: number): Promise<void> {
  await tx.qb
    .deleteFrom('sliding_rooms')
    .where('conn_nid', '=', connNid)
    .where('is_pending', '=', 0)
    .where('room_nid', 'in', (eb) =>
      eb
        .selectFrom('sliding_rooms as pending')
        .select('pending.room_nid')
        .where('pending.conn_nid', '=', connNid)
        .where('pending.is_pending', '=', 1),
    )
    .execute()
  await tx.qb
    .updateTable('sliding_rooms')
    .set({ is_pending: 0 })
    .where('conn_nid', '=', connNid)
    .where('is_pending', '=', 1)
    .execute()
}

export async function deletePendingRooms(tx: Tx, connNid: number): Promise<void> {
  await tx.qb.deleteFrom('sliding_rooms').where('conn_nid', '=', connNid).where('is_pending', '=', 1).execute()
}
