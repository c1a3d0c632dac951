import { createTakeEnding, type TakeEnding } from './endings.ts'
import { createIncomingInvites, type IncomingDeps, type IncomingInvites } from './incoming-invites.ts'
import { createRemoteInvites, type RemoteInvites } from './invite-elsewhere.ts'
import { createRemoteMembership, type RemoteMembership } from './remote-membership.ts'
import { createWhereabouts, type Whereabouts } from './whereabouts.ts'

/** What users of ours do in rooms of other servers, and users of those in ours, before both share a room. */
export interface Remote {
  readonly whereabouts: Whereabouts
  readonly membership: RemoteMembership
  readonly invites: RemoteInvites
  readonly incoming: IncomingInvites
  readonly takeEnding: TakeEnding
}

export type RemoteParts = Omit<IncomingDeps, 'whereabouts'>

export function createRemote(parts: RemoteParts): Remote {
  const whereabouts = createWhereabouts(parts)
  const deps = { ...parts, whereabouts }
  return {
    whereabouts,
    membership: createRemoteMembership(deps),
    invites: createRemoteInvites(deps),
    incoming: createIncomingInvites(deps),
    takeEnding: createTakeEnding(deps),
  }
}
