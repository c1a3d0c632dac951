import type { Reader, Tx } from '../../../db/database.ts'
import type { RoomId, UserId } from '../../../matrix/ids.ts'
import type { Webhook } from '../webhook.ts'
import { type ParticipantNews, progressOf } from './progress.ts'
import {
  deleteOld,
  deleteSurplus,
  getParticipant,
  listJoinedIn,
  listOfRoom,
  type ParticipantKey,
  type ParticipantRow,
  updateParticipant,
  upsertGranted,
} from './store.ts'

/** Somebody who may take part in a call, by LiveKit's names and by ours. */
export interface Participant extends ParticipantKey {
  readonly roomId: RoomId
  readonly userId: UserId
  readonly deviceId: string | undefined
}

/** What happened to a participant for the first time. */
export interface ParticipantChange {
  readonly participant: Participant
  readonly what: ParticipantNews['what']
  /** In ms. */
  readonly ts: number
  /** The delayed event that was entrusted to us for them. */
  readonly delayId: string | undefined
}

/** Runs inside the transaction in which a participant came or went; once for each change. */
export type ParticipantHook = (tx: Tx, change: ParticipantChange) => Promise<void>

export type { ParticipantKey, ParticipantRow } from './store.ts'

export interface Participants {
  onChange(hook: ParticipantHook): void
  /** Notes who is let in, before they are. `now` is in ms. */
  granted(tx: Tx, participant: Participant, now: number): Promise<void>
  /** What LiveKit told; repetitions, late news and strangers change nothing. */
  told(tx: Tx, news: Webhook): Promise<void>
  /** The participant is not at LiveKit, which has not told so. */
  missed(tx: Tx, key: ParticipantKey, now: number): Promise<void>
  get(reader: Reader, key: ParticipantKey): Promise<ParticipantRow | undefined>
  /** Everybody who may be in the calls of a room. */
  ofRoom(reader: Reader, roomId: string): Promise<ParticipantRow[]>
  /** Entrusts us with a delayed event, instead of another, or of none. */
  setDelayed(tx: Tx, key: ParticipantKey, delayed: Pick<ParticipantRow, 'delay_id' | 'restart_ts'>): Promise<void>
  /** Forgets whoever has been gone for a day. */
  prune(tx: Tx, now: number): Promise<void>
}

/** Every request to join may name another device. */
const keptPerUser = 20
const dayMs = 86_400_000

export function createParticipants(): Participants {
  const hooks: ParticipantHook[] = []

  async function apply(tx: Tx, row: ParticipantRow, news: ParticipantNews): Promise<void> {
    const next = progressOf(row, news)
    if (next === undefined) return
    const participant = participantOf(row)
    await updateParticipant(tx, participant, next)
    const change = { participant, what: news.what, ts: next.phase_ts, delayId: row.delay_id ?? undefined }
    for (const hook of hooks) await hook(tx, change)
  }

  /** The end of a connection that we only know to have ended. */
  const ended = (row: ParticipantRow, ts: number): ParticipantNews => ({
    what: 'left',
    sid: row.sid ?? '',
    sessionTs: row.session_ts,
    ts,
    reason: undefined,
  })

  return {
    onChange: (hook) => void hooks.push(hook),
    granted: async (tx, { livekitRoom, identity, roomId, userId, deviceId }, now) => {
      await upsertGranted(tx, { livekitRoom, identity, roomId, userId, deviceId, ts: now })
      await deleteSurplus(tx, userId, roomId, keptPerUser)
    },
    told: async (tx, news) => {
      if (news.what === 'finished') {
        const joined = await listJoinedIn(tx, news.livekitRoom)
        // Late news of an earlier call of the same name end no later one.
        for (const row of joined) if (row.session_ts <= news.ts) await apply(tx, row, ended(row, news.ts))
        return
      }
      const row = await getParticipant(tx, news)
      if (row !== undefined) await apply(tx, row, news)
    },
    missed: async (tx, key, now) => {
      const row = await getParticipant(tx, key)
      if (row?.phase === 'joined') await apply(tx, row, ended(row, now))
    },
    get: getParticipant,
    ofRoom: listOfRoom,
    setDelayed: updateParticipant,
    prune: (tx, now) => deleteOld(tx, { before: now - dayMs, joinedBefore: now - 7 * dayMs }),
  }
}

export function participantOf(row: ParticipantRow): Participant {
  return {
    livekitRoom: row.livekit_room,
    identity: row.identity,
    // Only what was checked is ever written.
    roomId: row.room_id as RoomId,
    userId: row.user_id as UserId,
    deviceId: row.device_id ?? undefined,
  }
}
