import type { Accounts } from '../../accounts/accounts.ts'
import type { Database } from '../../db/database.ts'
import type { RateLimiter } from '../../http/rate-limit.ts'
import { errors } from '../../matrix/errors.ts'
import type { RoomId, UserId } from '../../matrix/ids.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import type { Clock } from '../../util/clock.ts'
import { signAccessToken } from './access-token.ts'
import type { Delegations } from './departures/delegations.ts'
import type { LivekitServer, LivekitSettings } from './livekit-server.ts'
import type { Participants } from './participants/participants.ts'
import { livekitRoomOf } from './wire.ts'

/** Somebody who is known, and wants to take part in a call. */
export interface Candidate {
  readonly userId: UserId
  readonly roomId: RoomId
  readonly slotId: string
  /** The name in the call. */
  readonly identity: string
  readonly deviceId: string | undefined
  /** Who only listens here publishes elsewhere. */
  readonly canPublish: boolean
}

/** What somebody joins a call with. */
export interface Ticket {
  readonly url: string
  readonly jwt: string
}

export interface Admission {
  isMember(candidate: Pick<Candidate, 'roomId' | 'userId'>): Promise<boolean>
  /** Lets a member of the room into its call, and takes over their leave where they have one. Throws `M_INVALID_PARAM`, `M_USER_SUSPENDED`, `M_LIMIT_EXCEEDED` and `M_CONNECTION_FAILED`. */
  admit(candidate: Candidate, delayId?: string): Promise<Ticket>
  /** Takes over the leave of somebody who is in a call, or about to join. Throws `M_INVALID_PARAM` for a delayed event that is not theirs. */
  delegate(candidate: Candidate, delayId: string): Promise<void>
}

export interface AdmissionDeps {
  readonly db: Database
  readonly clock: Clock
  readonly limiter: RateLimiter
  readonly settings: LivekitSettings
  readonly server: LivekitServer
  readonly accounts: Pick<Accounts, 'users' | 'isLocalUser'>
  readonly reads: Pick<RoomReads, 'roomById' | 'membership'>
  readonly participants: Participants
  readonly delegations: Delegations
  /** What clients dial. */
  url(): string
}

const lifetimeMs = 3_600_000

export function createAdmission(deps: AdmissionDeps): Admission {
  const { db, clock, limiter, settings, server, accounts, reads, participants, delegations } = deps

  /** Delays of other servers are restarted there, by whoever made them. */
  async function requireOwnDelay({ userId, roomId }: Candidate, delayId: string): Promise<void> {
    if (!accounts.isLocalUser(userId)) throw errors.invalidParam('There is no such delayed event here')
    await delegations.requireOwn(delayId, { userId, roomId })
  }

  async function note(candidate: Candidate, delayId: string | undefined): Promise<void> {
    const { userId, roomId, slotId, identity, deviceId } = candidate
    const participant = { livekitRoom: livekitRoomOf(roomId, slotId), identity, roomId, userId, deviceId }
    await db.write('call granted', async (tx) => {
      await participants.granted(tx, participant, clock.now())
      if (delayId !== undefined) await delegations.take(tx, participant, delayId)
    })
  }
  return {
    isMember: ({ roomId, userId }) =>
      db.read(async (reader) => {
        const room = await reads.roomById(reader, roomId)
        return room !== undefined && (await reads.membership(reader, room.nid, userId))?.membership === 'join'
      }),
    admit: async (candidate, delayId) => {
      const { userId, roomId, slotId, identity, canPublish } = candidate
      const isOurs = accounts.isLocalUser(userId)
      // What is said in a call is as good as a message.
      if (isOurs) await db.read((reader) => accounts.users.requireActive(reader, userId))
      limiter.take('membership', userId)
      if (delayId !== undefined) await requireOwnDelay(candidate, delayId)
      const room = livekitRoomOf(roomId, slotId)
      // Others come to the calls that somebody of this server has opened.
      if (isOurs) await server.createRoom(room)
      await note(candidate, delayId)
      const video = {
        room,
        roomJoin: true,
        roomCreate: false,
        canPublish,
        canSubscribe: true,
        canUpdateOwnMetadata: true,
      }
      return { url: deps.url(), jwt: signAccessToken(settings, { identity, video, lifetimeMs }, clock.now()) }
    },
    delegate: async (candidate, delayId) => {
      limiter.take('membership', candidate.userId)
      await requireOwnDelay(candidate, delayId)
      await note(candidate, delayId)
    },
  }
}
