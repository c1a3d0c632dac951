import type { Selectable } from 'kysely'
import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import type { CallsSchema } from '../../db/schema/calls.ts'

export type CallRow = Selectable<CallsSchema['calls']>

const ofRoom = prepare((qb, p: { roomId: string }) =>
  qb
    .selectFrom('calls')
    .selectAll()
    .where('room_id', '=', p.roomId)
    .where('state', 'is not', null)
    .orderBy('call_nid', 'desc')
    .limit(1),
)

/** The call that goes on in a room. */
export const getLiveCall = (reader: Reader, roomId: string) => ofRoom.first(reader, { roomId })

export function getCallRow(reader: Reader, callId: string): Promise<CallRow | undefined> {
  return reader.qb.selectFrom('calls').selectAll().where('call_id', '=', callId).executeTakeFirst()
}

export function getCallByNid(reader: Reader, callNid: number): Promise<CallRow | undefined> {
  return reader.qb.selectFrom('calls').selectAll().where('call_nid', '=', callNid).executeTakeFirst()
}

/** Calls in which one is, in other rooms than this. */
export function listLiveElsewhere(reader: Reader, userId: string, roomId: string): Promise<CallRow[]> {
  return reader.qb
    .selectFrom('calls')
    .selectAll()
    .where('state', 'is not', null)
    .where('outcome', '=', 'answered')
    .where('ended_ts', 'is', null)
    .where('room_id', '<>', roomId)
    .where((eb) =>
      eb.or([
        eb('caller', '=', userId),
        eb('callee', '=', userId),
        eb('call_nid', 'in', eb.selectFrom('call_parties').select('call_nid').where('user_id', '=', userId)),
      ]),
    )
    .limit(20)
    .execute()
}

/** Whether the caller may have been asked after a call to the same person that ended after a time. */
export async function wasAskedSince(reader: Reader, caller: string, callee: string, ts: number): Promise<boolean> {
  const row = await reader.qb
    .selectFrom('calls')
    .select('call_nid')
    .where('caller', '=', caller)
    .where('callee', '=', callee)
    .where('prompt_reason', 'is not', null)
    .where('ended_ts', '>', ts)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** How many calls began in a room after a time. */
export async function countBegunSince(reader: Reader, roomId: string, ts: number): Promise<number> {
  const row = await reader.qb
    .selectFrom('calls')
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .where('started_ts', '>', ts)
    .where('room_id', '=', roomId)
    .executeTakeFirst()
  return row?.n ?? 0
}

export async function insertCall(tx: Tx, row: Omit<CallRow, 'call_nid'>): Promise<CallRow> {
  return tx.qb.insertInto('calls').values(row).returningAll().executeTakeFirstOrThrow()
}

export async function updateCall(tx: Tx, { call_nid, ...row }: CallRow): Promise<void> {
  await tx.qb.updateTable('calls').set(row).where('call_nid', '=', call_nid).execute()
}

export async function updateNote(tx: Tx, callId: string, eventId: string): Promise<void> {
  await tx.qb.updateTable('calls').set({ note_event_id: eventId }).where('call_id', '=', callId).execute()
}
