import type { Reader } from '../db/database.ts'
import type { UserId } from '../matrix/ids.ts'
import type { StoredEvent } from './types.ts'

/** Whom a user ignores: https://spec.matrix.org/v1.19/client-server-api/#ignoring-users */
export type IgnoredUsers = (reader: Reader, userId: UserId) => Promise<ReadonlySet<string>>

/** State is for everybody, whoever sent it: without it rooms would look different to those who ignore. */
export function isHeard({ pdu }: StoredEvent, ignored: ReadonlySet<string>): boolean {
  return pdu.state_key !== undefined || !ignored.has(pdu.sender)
}
