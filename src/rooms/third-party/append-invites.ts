import type { StoredInvite } from '../../accounts/identity-servers/identity-servers.ts'
import { errors } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import type { StateTemplate } from '../actions/append-state.ts'
import { type Actor, timeOf } from '../actor.ts'
import type { RoomDraft } from '../draft.ts'
import type { People } from '../people.ts'
import type { SignedInvite } from './signed-invite.ts'

/** Writes an invitation into the room that whoever owns an address can redeem. Throws `403`. */
export async function appendAddressInvite(
  draft: RoomDraft,
  people: People,
  actor: Actor,
  address: string,
  { token, displayName, publicKeys }: StoredInvite,
): Promise<void> {
  await people.requireActive(draft.reader, actor.userId)
  // The room must not learn the address, whatever the identity server makes of it.
  const isLeaking = displayName.toLowerCase().includes(address)
  const content: JsonObject = {
    display_name: isLeaking ? `${address.slice(0, 1)}...@...` : displayName,
    ...publicKeys[0],
    public_keys: publicKeys.map((key) => ({ ...key })),
  }
  await draft.append({
    type: 'm.room.third_party_invite',
    sender: actor.userId,
    stateKey: token,
    content,
    ...timeOf(actor),
  })
}

/**
 * The invitation of a user who has shown that an invited address is theirs; undefined for members and invited users, who
 * stay as they are. Throws `403` where the address is not invited any more.
 */
export async function redeemedInvite(
  draft: RoomDraft,
  people: People,
  invite: SignedInvite,
): Promise<StateTemplate | undefined> {
  const invitation = await draft.state('m.room.third_party_invite', invite.token)
  if (invitation === undefined) throw errors.forbidden('The invitation has been taken back')
  const membership = membershipOf((await draft.state('m.room.member', invite.mxid))?.pdu)
  if (membership === 'join' || membership === 'invite') return undefined
  const displayName = invitation.pdu.content.display_name
  return {
    type: 'm.room.member',
    sender: invitation.pdu.sender,
    stateKey: invite.mxid,
    content: {
      ...(await people.memberProfile(draft.reader, invite.mxid)),
      membership: 'invite',
      third_party_invite: { display_name: typeof displayName === 'string' ? displayName : '', signed: invite.signed },
    },
  }
}
