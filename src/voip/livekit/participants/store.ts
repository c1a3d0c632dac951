import type { Selectable } from 'kysely'
import type { Reader, Tx } from '../../../db/database.ts'
import { prepare } from '../../../db/prepare.ts'
import type { Schema } from '../../../db/schema.ts'

export type ParticipantRow = Selectable<Schema['livekit_participants']>

/** What LiveKit knows a participant by. */
export interface ParticipantKey {
  readonly livekitRoom: string
  readonly identity: string
}

const byKey = prepare<ParticipantKey, ParticipantRow>((qb, { livekitRoom, identity }) =>
  qb
    .selectFrom('livekit_participants')
    .selectAll()
    .where('livekit_room', '=', livekitRoom)
    .where('identity', '=', identity),
)

export function getParticipant(reader: Reader, key: ParticipantKey): Promise<ParticipantRow | undefined> {
  return byKey.first(reader, key)
}

export interface Granted extends ParticipantKey {
  readonly roomId: string
  readonly userId: string
  readonly deviceId: string | undefined
  readonly ts: number
}

/** Keeps what is known of a connection where the same participant is let in again. */
export async function upsertGranted(tx: Tx, { livekitRoom, identity, ...granted }: Granted): Promise<void> {
  await tx.qb
    .insertInto('livekit_participants')
    .values({
      livekit_room: livekitRoom,
      identity,
      room_id: granted.roomId,
      user_id: granted.userId,
      device_id: granted.deviceId ?? null,
      granted_ts: granted.ts,
      phase: 'granted',
      sid: null,
      session_ts: 0,
      phase_ts: granted.ts,
      delay_id: null,
      restart_ts: null,
    })
    .onConflict((conflict) => conflict.columns(['livekit_room', 'identity']).doUpdateSet({ granted_ts: granted.ts }))
    .execute()
}

export async function updateParticipant(
  tx: Tx,
  { livekitRoom, identity }: ParticipantKey,
  changes: Partial<Pick<ParticipantRow, 'phase' | 'sid' | 'session_ts' | 'phase_ts' | 'delay_id' | 'restart_ts'>>,
): Promise<void> {
  await tx.qb
    .updateTable('livekit_participants')
    .set(changes)
    .where('livekit_room', '=', livekitRoom)
    .where('identity', '=', identity)
    .execute()
}

export function listJoinedIn(reader: Reader, livekitRoom: string): Promise<ParticipantRow[]> {
  return reader.qb
    .selectFrom('livekit_participants')
    .selectAll()
    .where('livekit_room', '=', livekitRoom)
    .where('phase', '=', 'joined')
    .execute()
}

const inRoom = prepare<{ roomId: string }, ParticipantRow>((qb, { roomId }) =>
  qb.selectFrom('livekit_participants').selectAll().where('room_id', '=', roomId),
)

/** Everybody who may be in the calls of a room. */
export function listOfRoom(reader: Reader, roomId: string): Promise<ParticipantRow[]> {
  return inRoom.all(reader, { roomId })
}

/** Forgets all but the last `keep` of a user's participations in a room that are not going on. */
export async function deleteSurplus(tx: Tx, userId: string, roomId: string, keep: number): Promise<void> {
  const surplus = await tx.qb
    .selectFrom('livekit_participants')
    .select(['livekit_room', 'identity'])
    .where('user_id', '=', userId)
    .where('room_id', '=', roomId)
    .where('phase', '!=', 'joined')
    .orderBy('granted_ts', 'desc')
    .limit(100)
    .offset(keep)
    .execute()
  for (const { livekit_room: room, identity } of surplus) {
    await tx.qb
      .deleteFrom('livekit_participants')
      .where('livekit_room', '=', room)
      .where('identity', '=', identity)
      .execute()
  }
}

/** Forgets those of whom nothing was heard since then. LiveKit is asked itself about those whose leave is entrusted. */
export async function deleteOld(tx: Tx, { before, joinedBefore }: { before: number; joinedBefore: number }) {
  await tx.qb
    .deleteFrom('livekit_participants')
    .where((eb) =>
      eb.or([
        eb.and([eb('phase', '!=', 'joined'), eb('granted_ts', '<', before), eb('phase_ts', '<', before)]),
        eb.and([eb('granted_ts', '<', joinedBefore), eb('phase_ts', '<', joinedBefore), eb('restart_ts', 'is', null)]),
      ]),
    )
    .execute()
}
