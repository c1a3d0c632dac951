import type { Reader } from '../../db/database.ts'
import { hasUserIdShape, type UserId } from '../../matrix/ids.ts'
import { type InviteSettings, judgeInvite } from '../../matrix/invite-permission.ts'
import type { OldSyncPorts } from './ports.ts'

/** Whether a user wants to hear of an invitation, by who sent it. What they want is read once, when there is one. */
export function wantedInvites(
  { accountData }: Pick<OldSyncPorts, 'accountData'>,
  reader: Reader,
  userId: UserId,
): (sender: string) => Promise<boolean> {
  let settings: InviteSettings | undefined
  return async (sender) => {
    settings ??= await accountData.inviteSettings(reader, userId)
    return !hasUserIdShape(sender) || judgeInvite(settings, sender) === 'allow'
  }
}
