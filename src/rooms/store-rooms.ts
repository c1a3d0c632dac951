import type { Selectable } from 'kysely'
import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import type { RoomsSchema } from '../db/schema/rooms.ts'
import type { RoomId } from '../matrix/ids.ts'
import { getRoomVersionRules } from '../matrix/room-versions.ts'
import type { Extremity, Room } from './types.ts'

const byId = prepare((qb, p: { roomId: string }) => qb.selectFrom('rooms').selectAll().where('room_id', '=', p.roomId))
const byNid = prepare((qb, p: { nid: number }) => qb.selectFrom('rooms').selectAll().where('room_nid', '=', p.nid))
const insertRow = prepare((qb, p: { roomId: string; version: string }) =>
  qb
    .insertInto('rooms')
    .values({
      room_id: p.roomId,
      version: p.version,
      extremities: '[]',
      state_nid: null,
      cited_nid: null,
      last_pos: 0,
      bump_pos: 0,
      is_public: 0,
      is_partial: 0,
      complete_pos: null,
      sticky_until: 0,
    })
    .returning('room_nid'),
)
const updateHead = prepare(
  (
    qb,
    p: {
      nid: number
      extremities: string
      stateNid: number | null
      citedNid: number | null
      lastPos: number
      bumpPos: number
    },
  ) =>
    qb
      .updateTable('rooms')
      .set({
        extremities: p.extremities,
        state_nid: p.stateNid,
        cited_nid: p.citedNid,
        last_pos: p.lastPos,
        bump_pos: p.bumpPos,
      })
      .where('room_nid', '=', p.nid),
)

function toRoom(row: Selectable<RoomsSchema['rooms']>): Room {
  const rules = getRoomVersionRules(row.version)
  if (rules === undefined) throw new Error(`room ${row.room_id} has the unknown version ${row.version}`)
  return {
    nid: row.room_nid,
    roomId: row.room_id as RoomId,
    rules,
    extremities: JSON.parse(row.extremities) as Extremity[],
    stateNid: row.state_nid ?? undefined,
    citedNid: row.cited_nid ?? undefined,
    lastPos: row.last_pos,
    bumpPos: row.bump_pos,
    isPublic: row.is_public === 1,
    isPartial: row.is_partial === 1,
    completePos: row.complete_pos ?? undefined,
    stickyUntil: row.sticky_until,
  }
}

export async function getRoom(reader: Reader, roomId: string): Promise<Room | undefined> {
  const row = await byId.first(reader, { roomId })
  return row && toRoom(row)
}

export async function getRoomByNid(reader: Reader, nid: number): Promise<Room | undefined> {
  const row = await byNid.first(reader, { nid })
  return row && toRoom(row)
}

export async function insertRoom(tx: Tx, roomId: string, version: string): Promise<number> {
  const inserted = await insertRow.first(tx, { roomId, version })
  if (inserted === undefined) throw new Error('the room was not inserted')
  return inserted.room_nid
}

export async function updateRoomHead(
  tx: Tx,
  nid: number,
  head: Pick<Room, 'extremities' | 'stateNid' | 'citedNid' | 'lastPos' | 'bumpPos'>,
): Promise<void> {
  await updateHead.run(tx, {
    nid,
    extremities: JSON.stringify(head.extremities),
    stateNid: head.stateNid ?? null,
    citedNid: head.citedNid ?? null,
    lastPos: head.lastPos,
    bumpPos: head.bumpPos,
  })
}

export async function updateRoomPublic(tx: Tx, nid: number, isPublic: boolean): Promise<void> {
  await tx.qb
    .updateTable('rooms')
    .set({ is_public: isPublic ? 1 : 0 })
    .where('room_nid', '=', nid)
    .execute()
}
