import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'
import { prepareList } from '../../db/prepare-list.ts'
import type { EventStatus } from '../../db/schema/rooms.ts'
import type { ServerName } from '../../matrix/ids.ts'

export interface PartialRoom {
  readonly roomNid: number
  readonly joinNid: number
  readonly baseNid: number
  readonly resident: ServerName
  readonly servers: readonly ServerName[]
}

const byRoom = prepare((qb, p: { roomNid: number }) =>
  qb.selectFrom('partial_rooms').selectAll().where('room_nid', '=', p.roomNid),
)

export async function getPartialRoom(reader: Reader, roomNid: number): Promise<PartialRoom | undefined> {
  const row = await byRoom.first(reader, { roomNid })
  return (
    row && {
      roomNid,
      joinNid: row.join_nid,
      baseNid: row.base_nid,
      // We have written both.
      resident: row.resident as ServerName,
      servers: JSON.parse(row.servers) as ServerName[],
    }
  )
}

export async function insertPartialRoom(tx: Tx, room: PartialRoom): Promise<void> {
  await tx.qb
    .insertInto('partial_rooms')
    .values({
      room_nid: room.roomNid,
      join_nid: room.joinNid,
      base_nid: room.baseNid,
      resident: room.resident,
      servers: JSON.stringify(room.servers),
    })
    .execute()
  await setFlag(tx, room.roomNid, { is_partial: 1 })
}

async function setFlag(tx: Tx, roomNid: number, row: { is_partial: 0 | 1; complete_pos?: number }): Promise<void> {
  await tx.qb.updateTable('rooms').set(row).where('room_nid', '=', roomNid).execute()
}

/** The room's states are whole from a stream position on. */
export async function completePartialRoom(tx: Tx, roomNid: number, completePos: number): Promise<void> {
  await tx.qb.deleteFrom('partial_rooms').where('room_nid', '=', roomNid).execute()
  await setFlag(tx, roomNid, { is_partial: 0, complete_pos: completePos })
}

/** Nobody of ours is in the room any more: who is in it is still with others, and nobody waits for it. */
export async function giveUpPartialRoom(tx: Tx, roomNid: number): Promise<void> {
  await setFlag(tx, roomNid, { is_partial: 0 })
}

/** What is known of the room comes from a new entry. */
export async function deletePartialRoom(tx: Tx, roomNid: number): Promise<void> {
  await tx.qb.deleteFrom('partial_rooms').where('room_nid', '=', roomNid).execute()
  await setFlag(tx, roomNid, { is_partial: 0 })
}

const placedIn = prepare((qb, p: { roomNid: number }) =>
  qb
    .selectFrom('events')
    .select('event_nid')
    .where('room_nid', '=', p.roomNid)
    .where('stream_pos', 'is not', null)
    .orderBy('stream_pos'),
)
const rejectedAfter = prepareList((qb, nids: readonly number[]) =>
  qb
    .selectFrom('event_edges as edge')
    .innerJoin('events as e', 'e.event_nid', 'edge.event_nid')
    .select('e.event_nid')
    .where('edge.prev_nid', 'in', nids)
    .where('e.stream_pos', 'is', null)
    .where('e.state_nid', 'is not', null),
)

/** Numbers of all events of a room that have a state: those of the timeline in its order, then those that were rejected. */
export async function listWithState(reader: Reader, roomNid: number): Promise<number[]> {
  const placed = (await placedIn.all(reader, { roomNid })).map((row) => row.event_nid)
  const found = new Set(placed)
  for (let open = placed; open.length > 0; ) {
    const rows = await rejectedAfter(reader, open)
    open = [...new Set(rows.map((row) => row.event_nid))].filter((nid) => !found.has(nid))
    for (const nid of open) found.add(nid)
  }
  return [...found]
}

const currentEntry = prepare((qb, p: { roomNid: number; type: string; stateKey: string }) =>
  qb
    .selectFrom('current_state')
    .select('event_nid')
    .where('room_nid', '=', p.roomNid)
    .where('type', '=', p.type)
    .where('state_key', '=', p.stateKey),
)

/** The number of the event that stands in an entry of the room's current state. */
export async function getCurrentNid(
  reader: Reader,
  entry: { roomNid: number; type: string; stateKey: string },
): Promise<number | undefined> {
  return (await currentEntry.first(reader, entry))?.event_nid
}

const setStates = prepare(
  (
    qb,
    p: { nid: number; beforeNid: number | null; stateNid: number; currentNid: number | null; status: EventStatus },
  ) =>
    qb
      .updateTable('events')
      .set({ before_nid: p.beforeNid, state_nid: p.stateNid, current_nid: p.currentNid, status: p.status })
      .where('event_nid', '=', p.nid),
)

export async function updateStates(
  tx: Tx,
  event: {
    readonly nid: number
    readonly beforeNid: number | undefined
    readonly stateNid: number
    readonly currentNid: number | undefined
    readonly status: EventStatus
  },
): Promise<void> {
  const { nid, beforeNid = null, stateNid, currentNid = null, status } = event
  await setStates.run(tx, { nid, beforeNid, stateNid, currentNid, status })
}
