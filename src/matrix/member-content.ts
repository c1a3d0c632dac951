/** Readers of `m.room.member`; like those in `content.ts` they never throw. */
import { fieldOf, type HasContent, objectOf, stringOf } from './content.ts'
import { isUserId, type UserId } from './ids.ts'

export type Membership = 'join' | 'invite' | 'leave' | 'ban' | 'knock'

const memberships: readonly string[] = ['join', 'invite', 'leave', 'ban', 'knock'] satisfies Membership[]

export function isMembership(value: unknown): value is Membership {
  return typeof value === 'string' && memberships.includes(value)
}

/** The membership of a member event; undefined where there is no event or an unknown membership. */
export function membershipOf(member: HasContent | undefined): Membership | undefined {
  const value = stringOf(member, 'membership')
  return isMembership(value) ? value : undefined
}

export function displayNameOf(member: HasContent | undefined): string | undefined {
  return stringOf(member, 'displayname')
}

/** The `mxc:` address of the member's avatar. */
export function avatarUrlOf(member: HasContent | undefined): string | undefined {
  return stringOf(member, 'avatar_url')
}

/** Whether an invitation is to a direct chat. */
export function isDirectInvite(member: HasContent | undefined): boolean {
  return fieldOf(member, 'is_direct') === true
}

/** Who vouched for a join to a restricted room. */
export function joinAuthoriserOf(member: HasContent | undefined): UserId | undefined {
  const userId = stringOf(member, 'join_authorised_via_users_server')
  return userId !== undefined && isUserId(userId) ? userId : undefined
}

/** Whether an invitation answers one that went to an address outside Matrix. */
export function isThirdPartyInvite(member: HasContent | undefined): boolean {
  return membershipOf(member) === 'invite' && objectOf(member, 'third_party_invite') !== undefined
}
