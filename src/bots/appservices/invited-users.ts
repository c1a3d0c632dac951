import type { Accounts } from '../../accounts/accounts.ts'
import { isUserId } from '../../matrix/ids.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import type { PersistHook } from '../../rooms/types.ts'
import { mapLimit } from '../../util/async.ts'
import type { Log } from '../../util/log.ts'

interface Deps {
  readonly accounts: Pick<Accounts, 'appservices' | 'users'>
  readonly log: Log
}

/** Questions that are under way at once for one batch of invitations. */
const atOnce = 8

/**
 * Lets application services make those of their users whom somebody has invited and who do not exist yet. The invitation
 * does not wait for it. https://spec.matrix.org/v1.19/application-service-api/#get_matrixappv1usersuserid
 */
export function createInvitedUsers({ accounts, log }: Deps): PersistHook {
  const { appservices, users } = accounts
  return async (tx, { currentChanges }) => {
    if (appservices.isEmpty()) return
    const unknown: (() => Promise<unknown>)[] = []
    for (const { pdu } of currentChanges) {
      const userId = pdu.state_key ?? ''
      if (pdu.type !== 'm.room.member' || membershipOf(pdu) !== 'invite' || !isUserId(userId)) continue
      if (appservices.ofUser(userId).length === 0 || (await users.get(tx, userId)) !== undefined) continue
      unknown.push(() => appservices.queryUser(userId))
    }
    if (unknown.length === 0) return
    tx.afterCommit(() => {
      mapLimit(unknown, atOnce, (ask) => ask()).catch((error: unknown) => {
        log.debug({ err: error }, 'an application service was not asked for an invited user')
      })
    })
  }
}
