import type { Reader } from '../db/database.ts'
import { hasUserIdShape } from '../matrix/ids.ts'
import { type InviteSettings, judgeInvite } from '../matrix/invite-permission.ts'
import { membershipOf } from '../matrix/member-content.ts'
import type { MembershipRow, RoomReads } from '../rooms/reads.ts'

/** An invitation that the user does not want to hear of. */
export function isHiddenInvite(settings: InviteSettings, { sender }: { readonly sender: string }): boolean {
  return hasUserIdShape(sender) && judgeInvite(settings, sender) !== 'allow'
}

/** Whether others took back an invitation that the user did not want to hear of, and so need not hear of now. */
export async function wasHiddenInvite(
  reads: Pick<RoomReads, 'events' | 'view'>,
  reader: Reader,
  row: MembershipRow,
  settings: () => Promise<InviteSettings>,
): Promise<boolean> {
  if (row.sender === row.user_id) return false
  const ending = (await reads.events(reader, [row.event_nid])).get(row.event_nid)
  const before = await reads.view.entry(reader, ending?.beforeNid, 'm.room.member', row.user_id)
  if (before === undefined || membershipOf(before.pdu) !== 'invite') return false
  return isHiddenInvite(await settings(), before.pdu)
}
