import { z } from 'zod'
import type { Database, Reader } from '../../../db/database.ts'
import type { Jobs } from '../../../jobs/jobs.ts'
import { MatrixError } from '../../../matrix/errors.ts'
import type { UserId } from '../../../matrix/ids.ts'
import type { RoomReads } from '../../../rooms/reads.ts'
import type { Rooms } from '../../../rooms/rooms.ts'
import type { Clock } from '../../../util/clock.ts'
import type { Log } from '../../../util/log.ts'
import { type ParticipantHook, type Participants, participantOf } from '../participants/participants.ts'
import { type CallMembership, staleMemberships } from './stale-memberships.ts'

export interface LeaverDeps {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly jobs: Jobs
  readonly participants: Participants
  readonly events: Pick<Rooms['events'], 'setState'>
  readonly reads: Pick<RoomReads, 'roomById' | 'currentOfType' | 'events'>
  isLocalUser(userId: UserId): boolean
  serviceUrl(): string
  /** How long somebody may be gone before the room is told, in ms; infinite: it is not. */
  readonly leaveAfter: number
}

const job = 'livekit.leave'
/** LiveKit tells the second in which somebody left. */
const secondMs = 1000
const type = 'org.matrix.msc3401.call.member'
const payload = z.object({ livekitRoom: z.string(), identity: z.string(), ts: z.number() })

/** Tells rooms that somebody has left their call whose app can no longer do that. */
export function createLeaver(deps: LeaverDeps): ParticipantHook {
  const { db, clock, log, jobs, participants, events, reads, leaveAfter } = deps

  async function membershipsIn(reader: Reader, roomId: string): Promise<CallMembership[]> {
    const room = await reads.roomById(reader, roomId)
    if (room === undefined) return []
    const entries = await reads.currentOfType(reader, room.nid, type)
    const stored = await reads.events(
      reader,
      entries.map(({ event_nid: nid }) => nid),
    )
    return entries.flatMap(({ state_key: stateKey, event_nid: nid }) => {
      const pdu = stored.get(nid)?.pdu
      return pdu ? { stateKey, sender: pdu.sender, content: pdu.content, sentTs: pdu.origin_server_ts } : []
    })
  }

  /** The memberships of whoever is still gone. */
  async function findStale(reader: Reader, { ts, ...key }: z.output<typeof payload>) {
    const row = await participants.get(reader, key)
    if (row?.phase !== 'left' || row.phase_ts !== ts) return undefined
    const { userId, roomId, deviceId } = participantOf(row)
    if (deviceId === undefined) return undefined
    const others = await participants.ofRoom(reader, roomId)
    const isBack = others.some((other) => {
      return other.phase === 'joined' && other.user_id === userId && other.device_id === deviceId
    })
    if (isBack) return undefined
    const all = await membershipsIn(reader, roomId)
    return {
      userId,
      roomId,
      stale: staleMemberships(all, { userId, deviceId, ts: ts + secondMs, serviceUrl: deps.serviceUrl() }),
    }
  }

  jobs.handle(
    job,
    async (json) => {
      const found = await db.read((reader) => findStale(reader, payload.parse(json)))
      if (found === undefined) return
      const { userId, roomId, stale } = found
      for (const { stateKey } of stale) {
        try {
          await events.setState({ userId }, roomId, { type, stateKey, content: {} })
        } catch (error) {
          if (!(error instanceof MatrixError)) throw error
          log.info({ reason: error.message }, 'nobody is told that somebody has left a call')
        }
      }
    },
    { atOnce: 8 },
  )

  return async (tx, { participant, what, ts }) => {
    if (what === 'joined' || leaveAfter === Number.POSITIVE_INFINITY || !deps.isLocalUser(participant.userId)) return
    const { livekitRoom, identity } = participant
    await jobs.enqueue(tx, job, { livekitRoom, identity, ts }, { runAt: clock.now() + leaveAfter })
  }
}
