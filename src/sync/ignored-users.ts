import type { Reader } from '../db/database.ts'
import type { UserId } from '../matrix/ids.ts'
import type { SyncPorts } from './ports.ts'

/** Whom the user ignores in a snapshot at position `at`. */
export function ignoredUsers(
  { accountData, userNews }: Pick<SyncPorts, 'accountData' | 'userNews'>,
  reader: Reader,
  userId: UserId,
  at: number,
): Promise<ReadonlySet<string>> {
  return userNews.remember(userId, 'ignored', at, () => accountData.ignoredUsers(reader, userId))
}
