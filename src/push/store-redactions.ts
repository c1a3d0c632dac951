import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import type { Counted } from './store-reading.ts'

const insertRow = prepare((qb, p: Counted & { roomNid: number; classNid: number }) =>
  qb
    .insertInto('push_redactions')
    .values({
      room_nid: p.roomNid,
      pos: p.pos,
      class_nid: p.classNid,
      thread_id: p.threadId,
      notifications: p.n,
      highlights: p.h,
    })
    .onConflict((c) => c.doNothing()),
)
const after = prepare((qb, p: { roomNid: number; pos: number }) =>
  qb.selectFrom('push_redactions').selectAll().where('room_nid', '=', p.roomNid).where('pos', '>', p.pos),
)
// For each class that the room has or had, the first row of totals that may hold the event.
const classesAt = prepare((qb, p: { roomNid: number; pos: number }) =>
  qb
    .selectFrom('push_room_classes as c')
    .innerJoin('push_totals as t', (join) =>
      join
        .onRef('t.room_nid', '=', 'c.room_nid')
        .onRef('t.class_nid', '=', 'c.class_nid')
        .on('t.series', '=', '')
        .on((eb) =>
          eb(
            't.pos',
            '=',
            eb
              .selectFrom('push_totals as first')
              .select((of) => of.fn.min('first.pos').as('pos'))
              .whereRef('first.room_nid', '=', 'c.room_nid')
              .whereRef('first.class_nid', '=', 'c.class_nid')
              .where('first.series', '=', '')
              .where('first.pos', '>=', p.pos),
          ),
        ),
    )
    .select('c.class_nid')
    .distinct()
    .where('c.room_nid', '=', p.roomNid)
    .where((eb) => eb.or([eb('t.pos', '=', p.pos), eb('t.marks', 'is not', null)])),
)
const deleteException = prepare((qb, p: { roomNid: number; userId: string; pos: number }) =>
  qb
    .deleteFrom('push_exceptions')
    .where('room_nid', '=', p.roomNid)
    .where('user_id', '=', p.userId)
    .where('pos', '=', p.pos),
)

export async function insertRedaction(tx: Tx, roomNid: number, classNid: number, counted: Counted): Promise<void> {
  await insertRow.run(tx, { roomNid, classNid, ...counted })
}

export interface RedactedCount extends Counted {
  readonly classNid: number
}

/** What the redacted events after a position had counted. */
export async function listRedactions(reader: Reader, roomNid: number, pos: number): Promise<RedactedCount[]> {
  const rows = await after.all(reader, { roomNid, pos })
  return rows.map((row) => ({
    pos: row.pos,
    classNid: row.class_nid,
    threadId: row.thread_id,
    n: row.notifications,
    h: row.highlights,
  }))
}

/** Classes other than 0 for which an event may count differently. */
export async function listClassesAt(reader: Reader, roomNid: number, pos: number): Promise<number[]> {
  return (await classesAt.all(reader, { roomNid, pos })).map((row) => row.class_nid)
}

export async function deleteExceptionAt(tx: Tx, roomNid: number, userId: string, pos: number): Promise<void> {
  await deleteException.run(tx, { roomNid, userId, pos })
}
