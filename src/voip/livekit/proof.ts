import type { Accounts } from '../../accounts/accounts.ts'
import type { Database } from '../../db/database.ts'
import { type FederationTransport, RemoteError } from '../../federation/client/ports.ts'
import { queryOpenidUser } from '../../federation/client/requests-openid.ts'
import type { FederationSender } from '../../federation/sender/sender.ts'
import { errors } from '../../matrix/errors.ts'
import type { ServerName, UserId } from '../../matrix/ids.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import { FetchError } from '../../util/fetch-error.ts'
import type { Applicant } from './wire.ts'

export interface ProofDeps {
  readonly db: Database
  readonly serverName: ServerName
  readonly accounts: Pick<Accounts, 'openid'>
  readonly transport: FederationTransport
  readonly sender: Pick<FederationSender, 'isInRoom'>
  readonly reads: Pick<RoomReads, 'roomById'>
}

/** Whose OpenID token an applicant shows; undefined where it is nobody's, or of somebody else than was said. */
export type Prove = (applicant: Applicant) => Promise<UserId | undefined>

export function createProve({ db, serverName, accounts, transport, sender, reads }: ProofDeps): Prove {
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

  return async (applicant) => {
    const { token, claimedUserId } = applicant
    const isOurs = applicant.serverName === serverName
    const userId = isOurs ? await accounts.openid.verify(token) : await verifyElsewhere(applicant)
    return claimedUserId === undefined || claimedUserId === userId ? userId : undefined
  }
}
