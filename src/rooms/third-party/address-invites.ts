import type { Accounts } from '../../accounts/accounts.ts'
import type { Address, IdentityAccess, IdentityServers } from '../../accounts/identity-servers/identity-servers.ts'
import type { Database, Reader } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import type { Json, JsonObject } from '../../matrix/event.ts'
import { isUserId, type UserId } from '../../matrix/ids.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import { canonicalEmail } from '../../util/email-address.ts'
import type { Log } from '../../util/log.ts'
import type { SafeFetch } from '../../util/safe-fetch.ts'
import type { Actor } from '../actor.ts'
import type { Membership } from '../membership/membership.ts'
import type { People } from '../people.ts'
import type { RoomView } from '../room-view.ts'
import type { RoomWriter } from '../room-writer.ts'
import { getRoom } from '../store-rooms.ts'
import { appendAddressInvite, redeemedInvite } from './append-invites.ts'
import type { ExchangeInvites } from './exchange-invites.ts'
import { inviteDetails } from './invite-details.ts'
import { isAnyKeyValid } from './key-validity.ts'
import { parseSignedInvite, type SignedInvite, signingKeysOf } from './signed-invite.ts'

/** Somebody who is invited by an address outside Matrix. */
export interface AddressInvite extends Address, Partial<IdentityAccess> {}

export interface BoundInvite {
  readonly roomId: string
  /** Who invited the address. */
  readonly sender?: string | undefined
  readonly signed: JsonObject
}

/** https://spec.matrix.org/v1.19/client-server-api/#third-party-invites */
export interface AddressInvites {
  /** Finds out whose address it is. Throws `M_SERVER_NOT_TRUSTED`, `M_MISSING_PARAM`, or what the identity server says. */
  find(invite: AddressInvite): Promise<UserId | undefined>
  /** Invites the user who has the address, or leaves an invitation for whoever shows that it is theirs. */
  invite(actor: Actor, roomId: string, invite: AddressInvite, content?: JsonObject): Promise<void>
  /** Turns an invitation to an address into one of the user, who has shown that it is theirs. Members need none. Throws `403`. */
  redeem(userId: UserId, roomId: string, signed: JsonObject): Promise<void>
  /** The same for all that an identity server has for a user. Those that cannot be redeemed are skipped. */
  bound(userId: string, invites: readonly BoundInvite[]): Promise<void>
  /** The same for a user whom another server has found to own the address; the room must be one of ours. Throws `403`. */
  exchange(roomId: string, target: string, signed: JsonObject): Promise<void>
}

export interface AddressInvitesDeps {
  readonly db: Database
  readonly log: Log
  readonly writer: RoomWriter
  readonly view: RoomView
  readonly people: People
  readonly membership: Membership
  readonly exchange: ExchangeInvites | undefined
  readonly accounts: Pick<Accounts, 'threepids' | 'isLocalUser'> & { readonly users: Pick<Accounts['users'], 'get'> }
  readonly identityServers: IdentityServers
  /** For addresses that others chose. */
  readonly fetch: SafeFetch
  /** Whether invitations find accounts here by addresses that were not published. */
  readonly findLocal: boolean
}

const stringIn = (value: Json | undefined) => (typeof value === 'string' ? value : undefined)

export function createAddressInvites(deps: AddressInvitesDeps): AddressInvites {
  const { db, log, writer, view, people, membership, exchange, accounts, identityServers, fetch, findLocal } = deps

  function accessOf({ idServer, idAccessToken }: AddressInvite): IdentityAccess {
    if (!identityServers.isEnabled) {
      throw errors.serverNotTrusted('This server works with no identity server, so it cannot invite by address')
    }
    if (idServer === undefined) throw errors.missingParam('Missing key id_server')
    identityServers.requireTrusted(idServer)
    if (idAccessToken === undefined) throw errors.missingParam('Missing key id_access_token')
    return { idServer, idAccessToken }
  }

  async function find(invite: AddressInvite): Promise<UserId | undefined> {
    const address = canonicalOf(invite)
    const local = findLocal && (await db.read((reader) => accounts.threepids.ownerOf(reader, address.address)))
    return local || identityServers.lookUp(accessOf(invite), address)
  }

  function canonicalOf({ medium, address }: AddressInvite): Address {
    if (medium !== 'email') throw errors.threepidMediumNotSupported('Only mail addresses can be invited')
    const canonical = canonicalEmail(address)
    if (canonical === undefined) throw errors.invalidParam('address is not a mail address')
    return { medium, address: canonical }
  }

  const changed = async (roomId: string, task: Parameters<typeof writer.change<true>>[1]) => {
    if ((await writer.change(roomId, task)) === undefined) throw errors.forbidden('You are not in this room')
  }

  async function stateOf(reader: Reader, roomId: string, type: string, stateKey: string) {
    const room = await getRoom(reader, roomId)
    return (await view.entry(reader, room?.stateNid, type, stateKey))?.pdu
  }

  async function redeem(invite: SignedInvite, roomId: string, sender?: string): Promise<void> {
    if (await exchange?.isElsewhere(roomId, invite.mxid)) return exchange?.forward(roomId, sender, invite)
    const invitation = await db.read((reader) => stateOf(reader, roomId, 'm.room.third_party_invite', invite.token))
    if (invitation === undefined) throw errors.forbidden('The room has no invitation with this token')
    if (!accounts.isLocalUser(invitation.sender)) {
      if (exchange !== undefined) return exchange.forward(roomId, invitation.sender, invite)
      throw errors.forbidden('The invitation was made on another server, which this one does not reach')
    }
    const keys = signingKeysOf(invitation, invite)
    if (keys.length === 0) throw errors.forbidden('The invitation is not signed with its key')
    if (!(await isAnyKeyValid(fetch, keys))) throw errors.forbidden('The key of the invitation does not count any more')
    if (!people.isLocal(invite.mxid)) {
      if (exchange === undefined) throw errors.forbidden(`${invite.mxid} is on another server`)
      await exchange.invites.invite(roomId, (draft) => redeemedInvite(draft, people, invite))
      return
    }
    await changed(roomId, async (draft) => {
      const template = await redeemedInvite(draft, people, invite)
      if (template !== undefined) await draft.append(template)
      return true
    })
  }

  return {
    find,
    invite: async (actor, roomId, invite, content) => {
      const address = canonicalOf(invite)
      // Nobody but a member has addresses looked up.
      const details = await inviteDetails({ db, view, people }, actor, roomId)
      const known = await find(invite)
      if (known !== undefined) return membership.invite(actor, roomId, known, content)
      const stored = await identityServers.storeInvite(accessOf(invite), { ...details, ...address })
      if (typeof stored === 'string') return membership.invite(actor, roomId, stored, content)
      await changed(roomId, async (draft) => {
        await appendAddressInvite(draft, people, actor, address.address, stored)
        return true
      })
    },
    redeem: async (userId, roomId, signed) => {
      const member = await db.read((reader) => stateOf(reader, roomId, 'm.room.member', userId))
      if (membershipOf(member) === 'join') return
      const invite = parseSignedInvite(signed)
      if (invite?.mxid !== userId) throw errors.forbidden('The invitation is not signed for you')
      await redeem(invite, roomId, stringIn(signed.sender))
    },
    exchange: async (roomId, target, signed) => {
      const invite = parseSignedInvite(signed)
      if (invite === undefined || invite.mxid !== target)
        throw errors.forbidden('The invitation is not signed for that user')
      await redeem(invite, roomId)
    },
    bound: async (userId, invites) => {
      const user = isUserId(userId) && accounts.isLocalUser(userId) ? userId : undefined
      const account = user && (await db.read((reader) => accounts.users.get(reader, user)))
      if (!account || account.isDeactivated) throw errors.notFound('There is no such user')
      for (const { roomId, sender, signed } of invites) {
        const invite = parseSignedInvite(signed)
        if (invite?.mxid !== user) continue
        await redeem(invite, roomId, sender).catch((error: unknown) =>
          log.info({ err: error }, 'an invitation was not redeemed'),
        )
      }
    },
  }
}
