import type { AccountData } from '../accounts/account-data.ts'
import type { PushRules } from './rules.ts'

/** Account data with the push rules among it, whole whenever something about them changed. */
export function withPushRules<A extends Pick<AccountData, 'list'>>(accountData: A, rules: PushRules): A {
  const list: AccountData['list'] = async (reader, userId, roomId, since) => {
    const events = await accountData.list(reader, userId, roomId, since)
    if (roomId !== undefined) return events
    if (since !== undefined && !(await rules.changedSince(reader, userId, since))) return events
    return [...events, { type: 'm.push_rules', content: await rules.contentFor(reader, userId) }]
  }
  return { ...accountData, list }
}
