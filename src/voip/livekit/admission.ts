import type { Accounts } from '../../accounts/accounts.ts'
import type { Database } from '../../db/database.ts'
import type { RateLimiter } from '../../http/rate-limit.ts'
import type { RoomId, UserId } from '../../matrix/ids.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import type { Clock } from '../../util/clock.ts'
import { signAccessToken } from './access-token.ts'
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
  /** Lets a member of the room into its call. Throws `M_USER_SUSPENDED`, `M_LIMIT_EXCEEDED` and `M_CONNECTION_FAILED`. */
  admit(candidate: Candidate): Promise<Ticket>
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
  /** What clients dial. */
  url(): string
}

const lifetimeMs = 3_600_000

export function createAdmission(deps: AdmissionDeps): Admission {
  const { db, clock, limiter, settings, server, accounts, reads, participants } = deps
  return {
    isMember: ({ roomId, userId }) =>
      db.read(async (reader) => {
        const room = await reads.roomById(reader, roomId)
        return room !== undefined && (await reads.membership(reader, room.nid, userId))?.membership === 'join'
      }),
    admit: async ({ userId, roomId, slotId, identity, deviceId, canPublish }) => {
      const isOurs = accounts.isLocalUser(userId)
      // What is said in a call is as good as a message.
      if (isOurs) await db.read((reader) => accounts.users.requireActive(reader, userId))
      limiter.take('membership', userId)
      const room = livekitRoomOf(roomId, slotId)
      // Others come to the calls that somebody of this server has opened.
      if (isOurs) await server.createRoom(room)
      const participant = { livekitRoom: room, identity, roomId, userId, deviceId }
      await db.write('call granted', (tx) => participants.granted(tx, participant, clock.now()))
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
  }
}
