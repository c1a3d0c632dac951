import type { Accounts } from '../../accounts/accounts.ts'
import type { Database } from '../../db/database.ts'
import { type FederationTransport, RemoteError } from '../../federation/client/ports.ts'
import { queryOpenidUser } from '../../federation/client/requests-openid.ts'
import type { FederationSender } from '../../federation/sender/sender.ts'
import type { RateLimiter } from '../../http/rate-limit.ts'
import { errors } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { ServerName, UserId } from '../../matrix/ids.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import type { Clock } from '../../util/clock.ts'
import { FetchError } from '../../util/fetch-error.ts'
import { signAccessToken } from './access-token.ts'
import type { LivekitServer, LivekitSettings } from './livekit-server.ts'
import { type Applicant, livekitRoomOf, transportOf } from './wire.ts'

/** Lets members of rooms into the calls of those rooms. */
export interface Livekit {
  /** What clients find calls by. */
  transports(): JsonObject[]
  /** What the applicant joins the call with. Throws `M_UNAUTHORIZED` for whoever is not proven to be in the room. */
  admit(applicant: Applicant): Promise<{ url: string; jwt: string }>
}

export interface LivekitDeps {
  readonly db: Database
  readonly clock: Clock
  readonly limiter: RateLimiter
  readonly serverName: ServerName
  readonly settings: LivekitSettings
  readonly server: LivekitServer
  publicUrl(): string
  readonly accounts: Pick<Accounts, 'openid' | 'users'>
  readonly transport: FederationTransport
  readonly sender: Pick<FederationSender, 'isInRoom'>
  readonly reads: Pick<RoomReads, 'roomById' | 'membership'>
}

const lifetimeMs = 3_600_000

export function createLivekit(deps: LivekitDeps): Livekit {
  const { db, clock, limiter, serverName, settings, server, accounts, transport, sender, reads } = deps

  /** Only servers in the room are asked: strangers can have us call no other, nor learn which rooms we are in. */
  async function verifyElsewhere({ roomId, serverName: home, token }: Applicant): Promise<UserId | undefined> {
    const isNear = await db.read(async (reader) => {
      const room = await reads.roomById(reader, roomId)
      return room !== undefined && sender.isInRoom(reader, room.nid, home)
    })
    if (!isNear || !transport.isAllowed(home)) return undefined
    try {
      return await queryOpenidUser(transport, home, token)
    } catch (error) {
      if (!(error instanceof FetchError || error instanceof RemoteError)) throw error
      throw errors.connectionFailed(`${home} could not be asked whose token this is`)
    }
  }

  const isMember = (roomId: string, userId: UserId) =>
    db.read(async (reader) => {
      const room = await reads.roomById(reader, roomId)
      return room !== undefined && (await reads.membership(reader, room.nid, userId))?.membership === 'join'
    })

  return {
    transports: () => [transportOf(deps.publicUrl())],
    admit: async (applicant) => {
      const { roomId, slotId, claimedUserId, token } = applicant
      const isOurs = applicant.serverName === serverName
      const userId = isOurs ? await accounts.openid.verify(token) : await verifyElsewhere(applicant)
      // One answer for all, so that nobody learns who is in which room.
      const isProven = userId !== undefined && (claimedUserId === undefined || claimedUserId === userId)
      if (!isProven || !(await isMember(roomId, userId))) {
        throw errors.unauthorized('The token does not prove that this is a member of the room')
      }
      // What is said in a call is as good as a message.
      if (isOurs) await db.read((reader) => accounts.users.requireActive(reader, userId))
      limiter.take('membership', userId)
      const room = livekitRoomOf(roomId, slotId)
      // Others come to the calls that somebody of this server has opened.
      if (isOurs) await server.createRoom(room)
      const video = {
        room,
        roomJoin: true,
        roomCreate: false,
        canPublish: true,
        canSubscribe: true,
        canUpdateOwnMetadata: true,
      }
      const grant = { identity: applicant.identityOf(userId), video, lifetimeMs }
      return { url: settings.url, jwt: signAccessToken(settings, grant, clock.now()) }
    },
  }
}
