import { z } from 'zod'
import type { Database, Tx } from '../../../db/database.ts'
import type { Jobs } from '../../../jobs/jobs.ts'
import { errors, MatrixError } from '../../../matrix/errors.ts'
import type { Clock } from '../../../util/clock.ts'
import type { Log } from '../../../util/log.ts'
import type { LivekitServer } from '../livekit-server.ts'
import type { ParticipantHook, ParticipantKey, Participants } from '../participants/participants.ts'

/** What is needed of delayed events: https://github.com/matrix-org/matrix-spec-proposals/pull/4140 */
export interface DelayedLeaves {
  get(
    delayId: string,
  ): Promise<
    | { readonly user_id: string; readonly room_id: string; readonly delay: number; readonly due_ts: number | null }
    | undefined
  >
  /** Both throw a `MatrixError` where it is too late. */
  restart(delayId: string): Promise<void>
  send(delayId: string): Promise<void>
}

/** Keeps leaves from being sent as long as LiveKit says that somebody is there, and sends them when they are not. */
export interface Delegations {
  /** Throws `M_INVALID_PARAM` where it is no delayed event of this user in this room that still waits, or one of too short a delay. */
  requireOwn(delayId: string, owner: { readonly userId: string; readonly roomId: string }): Promise<void>
  /** Takes over a delayed event for a participant that is known, in the place of another. */
  take(tx: Tx, key: ParticipantKey, delayId: string): Promise<void>
  readonly hook: ParticipantHook
}

export interface DelegationsDeps {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly jobs: Jobs
  readonly server: LivekitServer
  readonly participants: Participants
  readonly delayed: DelayedLeaves
}

const restartJob = 'livekit.restart-leave'
const sendJob = 'livekit.send-leave'
/** Clients are told to choose an hour; each restart asks LiveKit. */
const shortestMs = 5_000
/** Who has just joined is not looked for yet: LiveKit tells of them before it lists them. */
const newMs = 10_000
/** By then whoever is to join has joined, and LiveKit is asked where it has not told. */
const arrivalMs = 30_000
/** Part of the delay that may pass before it begins anew. */
const portion = 0.8

const restartPayload = z.object({
  livekitRoom: z.string(),
  identity: z.string(),
  delayId: z.string(),
  at: z.number(),
})
const sendPayload = z.object({ delayId: z.string() })

export function createDelegations(deps: DelegationsDeps): Delegations {
  const { db, clock, log, jobs, server, participants, delayed } = deps

  async function plan(tx: Tx, key: ParticipantKey, delayId: string, at: number): Promise<void> {
    await participants.setDelayed(tx, key, { delay_id: delayId, restart_ts: at })
    const { livekitRoom, identity } = key
    await jobs.enqueue(tx, restartJob, { livekitRoom, identity, delayId, at }, { runAt: at })
  }

  /** What it was too late for has come to its end in another way. */
  async function isDone(action: Promise<void>): Promise<boolean> {
    try {
      await action
      return true
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
      log.info({ reason: error.message }, 'a leave that was entrusted to this server is over')
      return false
    }
  }

  jobs.handle(
    restartJob,
    async (payload) => {
      const { delayId, at, ...key } = restartPayload.parse(payload)
      const row = await db.read((reader) => participants.get(reader, key))
      if (row?.delay_id !== delayId || row.restart_ts !== at) return
      const isNew = row.phase === 'joined' && clock.now() - row.phase_ts < newMs
      // While LiveKit does not answer nobody is in a call, and the delay goes on.
      const presence = isNew ? undefined : await server.findParticipant(key.livekitRoom, key.identity)
      // Webhooks get lost, of those who go and of those who come.
      if (row.phase !== 'joined') {
        if (presence === undefined) return
        const news = { ...key, ...presence, what: 'joined', ts: presence.sessionTs, reason: undefined } as const
        return db.write('call joined', (tx) => participants.told(tx, news))
      }
      if (!isNew && presence === undefined) {
        return db.write('call left', (tx) => participants.missed(tx, key, clock.now()))
      }
      const event = await delayed.get(delayId)
      const begun = clock.now()
      const isWaiting = event !== undefined && (await isDone(delayed.restart(delayId)))
      await db.write('leave restarted', async (tx) => {
        const now = await participants.get(tx, key)
        if (now?.delay_id !== delayId || now.restart_ts !== at) return
        if (isWaiting) await plan(tx, key, delayId, begun + Math.floor(event.delay * portion))
        else await participants.setDelayed(tx, key, { delay_id: null, restart_ts: null })
      })
    },
    { atOnce: 8 },
  )
  jobs.handle(
    sendJob,
    async (payload) => {
      const { delayId } = sendPayload.parse(payload)
      await isDone(delayed.send(delayId))
    },
    { atOnce: 8 },
  )

  return {
    requireOwn: async (delayId, { userId, roomId }) => {
      const event = await delayed.get(delayId)
      const isOwn = event?.user_id === userId && event.room_id === roomId && event.due_ts !== null
      if (!isOwn) throw errors.invalidParam('There is no such delayed event of this user in this room')
      if (event.delay < shortestMs) throw errors.invalidParam('The delay is too short; an hour is a good one')
    },
    take: async (tx, key, delayId) => {
      const row = await participants.get(tx, key)
      await plan(tx, key, delayId, clock.now() + (row?.phase === 'joined' ? 0 : arrivalMs))
    },
    hook: async (tx, { participant, what, delayId }) => {
      if (delayId === undefined) return
      if (what === 'joined') return plan(tx, participant, delayId, clock.now())
      await participants.setDelayed(tx, participant, { delay_id: null, restart_ts: null })
      await jobs.enqueue(tx, sendJob, { delayId })
    },
  }
}
