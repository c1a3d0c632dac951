import type { Accounts } from '../../accounts/accounts.ts'
import type { Database } from '../../db/database.ts'
import { type FederationTransport, RemoteError } from '../../federation/client/ports.ts'
import { requestLivekitToken } from '../../federation/client/requests-livekit.ts'
import type { FederationSender } from '../../federation/sender/sender.ts'
import type { RateLimiter } from '../../http/rate-limit.ts'
import { errors, type MatrixError } from '../../matrix/errors.ts'
import { type ServerName, serverOf, type UserId } from '../../matrix/ids.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import { FetchError } from '../../util/fetch-error.ts'
import type { Admission, Candidate, Ticket } from './admission.ts'
import type { Seat } from './wire-native.ts'

/** Who asks, known by their login. */
export interface Claimant {
  readonly userId: UserId
  readonly deviceId: string | undefined
}

/** Seats in calls for who is logged in here, or is vouched for by the server that asks. */
export interface NativeTokens {
  /** A seat here or, through its server, elsewhere. */
  get(claimant: Claimant, seat: Seat): Promise<Partial<Ticket>>
  getForServer(origin: ServerName, seat: Seat & { readonly userId: UserId }): Promise<Ticket>
  /** Has this server send a leave when LiveKit says that they are gone. */
  delegate(claimant: Claimant, seat: Seat & { readonly delayId: string }): Promise<void>
}

export interface NativeTokensDeps {
  readonly db: Database
  readonly serverName: ServerName
  readonly limiter: RateLimiter
  readonly accounts: Pick<Accounts, 'users'>
  readonly transport: FederationTransport
  readonly sender: Pick<FederationSender, 'isInRoom'>
  readonly reads: Pick<RoomReads, 'roomById'>
  readonly admission: Admission
  /** Whether this is the address of our LiveKit server. */
  isOurUrl(url: string): boolean
}

export function createNativeTokens(deps: NativeTokensDeps): NativeTokens {
  const { db, serverName, limiter, accounts, transport, sender, reads, admission } = deps

  const refusal = ({ isJuly }: Seat): MatrixError => {
    const text = 'This is for members of the room, under their own name'
    return isJuly ? errors.unauthorized(text) : errors.forbidden(text)
  }

  async function requireMember({ userId, deviceId }: Claimant, seat: Seat): Promise<void> {
    const { claimedUserId = userId, claimedDeviceId, roomId } = seat
    const isOwnName = claimedUserId === userId && (deviceId ?? claimedDeviceId) === (claimedDeviceId ?? deviceId)
    if (!isOwnName || !(await admission.isMember({ roomId, userId }))) throw refusal(seat)
  }

  function requireOurUrl({ url }: Seat): void {
    if (url !== undefined && !deps.isOurUrl(url))
      throw errors.invalidParam('This is not the LiveKit server of this server')
  }

  const candidate = ({ userId, deviceId }: Claimant, seat: Seat, canPublish: boolean): Candidate => ({
    userId,
    roomId: seat.roomId,
    slotId: seat.slotId,
    identity: seat.identityOf(userId),
    deviceId: seat.claimedDeviceId ?? deviceId,
    canPublish,
  })

  async function askElsewhere({ userId }: Claimant, seat: Seat, destination: ServerName): Promise<Partial<Ticket>> {
    await db.read((reader) => accounts.users.requireActive(reader, userId))
    limiter.take('membership', userId)
    const isNear = await db.read(async (reader) => {
      const room = await reads.roomById(reader, seat.roomId)
      return room !== undefined && sender.isInRoom(reader, room.nid, destination)
    })
    if (!isNear || !transport.isAllowed(destination)) throw refusal(seat)
    try {
      const { jwt, url } = await requestLivekitToken(transport, destination, { ...seat.forwarded, user_id: userId })
      return { jwt, ...(url !== undefined && { url }) }
    } catch (error) {
      if (!(error instanceof FetchError || error instanceof RemoteError)) throw error
      throw relayed(error, destination, seat)
    }
  }

  /** Clients can do something about two refusals; the rest is between the servers. */
  function relayed(error: FetchError | RemoteError, destination: ServerName, seat: Seat): MatrixError {
    const errcode = error instanceof RemoteError ? error.errcode : undefined
    if (errcode === 'M_FORBIDDEN' || errcode === 'M_UNAUTHORIZED') return refusal(seat)
    if (errcode === 'M_INVALID_PARAM') return errors.invalidParam(`${destination} has no such LiveKit server`)
    return errors.unknown(502, `${destination} gives no access to its LiveKit server`)
  }

  return {
    get: async (claimant, seat) => {
      await requireMember(claimant, seat)
      if (seat.serverName !== undefined && seat.serverName !== serverName) {
        return askElsewhere(claimant, seat, seat.serverName)
      }
      requireOurUrl(seat)
      return admission.admit(candidate(claimant, seat, true))
    },
    getForServer: async (origin, { userId, ...seat }) => {
      if (serverOf(userId) !== origin) throw refusal(seat)
      const claimant = { userId, deviceId: undefined }
      await requireMember(claimant, seat)
      // The server may have been kept out of the room that its user is still in.
      const isIn = await db.read(async (reader) => {
        const room = await reads.roomById(reader, seat.roomId)
        return room !== undefined && sender.isInRoom(reader, room.nid, origin)
      })
      if (!isIn) throw refusal(seat)
      requireOurUrl(seat)
      // In July it was not said who publishes where.
      return admission.admit(candidate(claimant, seat, seat.isJuly))
    },
    delegate: async (claimant, { delayId, ...seat }) => {
      await requireMember(claimant, seat)
      requireOurUrl(seat)
      await admission.delegate(candidate(claimant, seat, true), delayId)
    },
  }
}
