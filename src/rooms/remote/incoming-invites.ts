import type { Accounts } from '../../accounts/accounts.ts'
import { errors } from '../../matrix/errors.ts'
import type { IdentifiedPdu, Json, Pdu } from '../../matrix/event.ts'
import { signEvent } from '../../matrix/event-signing.ts'
import { isUserId, type RoomId, type ServerName, serverOf, type UserId } from '../../matrix/ids.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'
import { isServerAllowed } from '../../matrix/server-acl.ts'
import type { RoomBlocks } from '../blocks/blocks.ts'
import { getMembership } from '../store-members.ts'
import { getRoom } from '../store-rooms.ts'
import { persistOutside } from './outside.ts'
import type { RemoteDeps } from './remote-deps.ts'
import { readToldState } from './stripped-state.ts'
import type { Whereabouts } from './whereabouts.ts'

/** An invitation as another server sends it: a well-formed member event of that room, of the room version's form. */
export interface SentInvite {
  readonly roomId: RoomId
  readonly rules: RoomVersionRules
  readonly event: IdentifiedPdu
  readonly roomState: readonly Json[]
}

/** Invitations of users of ours by users of other servers. */
export interface IncomingInvites {
  /**
   * Takes an invitation and answers it with our signature. In a room where we are it is only signed: it comes again with
   * the room's other events. Throws `400 M_INVALID_PARAM` for bad signatures, senders and targets, `403` for users who do
   * not take it or do not exist.
   */
  take(origin: ServerName, invite: SentInvite): Promise<Pdu>
}

export interface IncomingDeps extends RemoteDeps {
  readonly accounts: Pick<Accounts, 'noticesUser' | 'appservices'> & { readonly users: Pick<Accounts['users'], 'get'> }
  readonly whereabouts: Whereabouts
  readonly blocks: Pick<RoomBlocks, 'requireOpen'>
}

export function createIncomingInvites(deps: IncomingDeps): IncomingInvites {
  const { db, keyring, people, accounts, view, whereabouts, blocks, serverName, signingKey } = deps

  function hasAccount(userId: UserId): Promise<boolean> {
    return db.read(async (reader) => {
      const user = await accounts.users.get(reader, userId)
      return user !== undefined && !user.isDeactivated
    })
  }

  async function requireTaker(inviter: UserId, target: UserId): Promise<void> {
    const isThere =
      (await hasAccount(target)) || ((await accounts.appservices.queryUser(target)) && (await hasAccount(target)))
    if (!isThere || target === accounts.noticesUser) throw errors.forbidden('That user cannot be invited')
    await db.read((reader) => people.requireInvitable(reader, inviter, target))
  }

  /** What we know of the room as one of its servers. */
  async function checkRoom(origin: ServerName, roomId: RoomId, target: UserId): Promise<void> {
    await db.read(async (reader) => {
      const room = await getRoom(reader, roomId)
      if (room === undefined) return
      const acl = await view.entry(reader, room.stateNid, 'm.room.server_acl', '')
      if (!isServerAllowed(acl?.pdu, origin)) throw errors.forbidden('The room keeps your server out')
      const row = await getMembership(reader, room.nid, target)
      if (row?.membership === 'join') throw errors.forbidden('The user is in the room already')
    })
  }

  return {
    take: async (origin, { roomId, rules, event, roomState }) => {
      const { pdu, eventId } = event
      const target = pdu.state_key ?? ''
      if (serverOf(pdu.sender) !== origin) throw errors.invalidParam('The sender is no user of your server')
      if (!isUserId(target) || !people.isLocal(target))
        throw errors.invalidParam('The invited user is not of this server')
      const [isSigned] = await keyring.verifyEvents(rules, [pdu])
      if (!isSigned) throw errors.invalidParam('The event is not signed as it must be')
      await blocks.requireOpen(roomId)
      await requireTaker(pdu.sender, target)
      const told = await readToldState(keyring, { server: origin, roomId, rules }, roomState)
      if (told.fault !== undefined) throw errors.invalidParam(told.fault)
      const signed = signEvent(pdu, rules, serverName, signingKey)
      const isHere = await whereabouts.isHere(roomId)
      if (isHere) {
        await checkRoom(origin, roomId, target)
        return signed
      }
      const outside = { roomId, rules, event: { eventId, pdu: signed }, told: told.events }
      await db.write('invitation from elsewhere', (tx) => persistOutside(deps, tx, outside))
      return signed
    },
  }
}
