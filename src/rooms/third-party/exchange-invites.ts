import type { FederationTransport } from '../../federation/client/ports.ts'
import { exchangeInvite } from '../../federation/client/requests-membership.ts'
import { errors } from '../../matrix/errors.ts'
import { isUserId, type ServerName, serverOf, type UserId } from '../../matrix/ids.ts'
import type { Log } from '../../util/log.ts'
import type { RemoteInvites } from '../remote/invite-elsewhere.ts'
import { tryServers } from '../remote/try-servers.ts'
import type { Whereabouts } from '../remote/whereabouts.ts'
import type { SignedInvite } from './signed-invite.ts'

/** How invitations by address pass between servers: https://spec.matrix.org/v1.19/server-server-api/#third-party-invites */
export interface ExchangeInvites {
  readonly invites: RemoteInvites
  isElsewhere(roomId: string, userId: UserId): Promise<boolean>
  /** Has the server of whoever invited the address invite the user. Throws `403` where nobody is known to have done so. */
  forward(roomId: string, inviter: string | undefined, invite: SignedInvite): Promise<void>
}

interface Deps {
  readonly transport: FederationTransport
  readonly log: Log
  readonly serverName: ServerName
  readonly whereabouts: Whereabouts
  readonly invites: RemoteInvites
}

export function createExchangeInvites({ transport, log, serverName, whereabouts, invites }: Deps): ExchangeInvites {
  return {
    invites,
    isElsewhere: whereabouts.isElsewhere,
    forward: async (roomId, inviter, { mxid, signed }) => {
      if (inviter === undefined || !isUserId(inviter) || serverOf(inviter) === serverName) {
        throw errors.forbidden('The room has no invitation with this token')
      }
      const body = {
        type: 'm.room.member',
        room_id: roomId,
        sender: inviter,
        state_key: mxid,
        // Only the room knows the name under which the address was invited; the other server puts it in.
        content: { membership: 'invite', third_party_invite: { display_name: '', signed } },
      }
      await tryServers([serverOf(inviter)], log, (destination) =>
        exchangeInvite(transport, { destination, roomId, body }),
      )
    },
  }
}
