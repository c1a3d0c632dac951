import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import type { Counted } from './store-reading.ts'

const target = prepare((qb, p: { eventId: string }) =>
  qb
    .selectFrom('events')
    .select(['room_nid', 'stream_pos', 'thread_id', 'redacted_by'])
    .where('event_id', '=', p.eventId),
)
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
const classesOf = prepare((qb, p: { roomNid: number }) =>
  qb.selectFrom('push_room_classes').select('class_nid').where('room_nid', '=', p.roomNid),
)
const deleteException = prepare((qb, p: { roomNid: number; userId: string; pos: number }) =>
  qb
    .deleteFrom('push_exceptions')
    .where('room_nid', '=', p.roomNid)
    .where('user_id', '=', p.userId)
    .where('pos', '=', p.pos),
)

/** The place of an event that may have been redacted. */
export function getRedactedEvent(reader: Reader, eventId: string) {
  return target.first(reader, { eventId })
}

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

export async function listOtherClasses(reader: Reader, roomNid: number): Promise<number[]> {
  return (await classesOf.all(reader, { roomNid })).map((row) => row.class_nid)
}

export async function deleteExceptionAt(tx: Tx, roomNid: number, userId: string, pos: number): Promise<void> {
  await deleteException.run(tx, { roomNid, userId, pos })
}
