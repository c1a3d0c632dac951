import type { Reader } from '../db/database.ts'
import { membershipOf } from '../matrix/member-content.ts'
import { listMemberHistory } from './store-timeline.ts'
import type { StoredEvent } from './types.ts'

/** The last time that a user was in a room. */
export interface Stay {
  /** The event that ended it; undefined while it lasts. What comes after it, such as a ban, changes nothing of it. */
  readonly ended: StoredEvent | undefined
}

/** Undefined for somebody who was never in: invitations, knocks and bans are no stay. */
export async function getLastStay(reader: Reader, roomNid: number, userId: string): Promise<Stay | undefined> {
  let ended: StoredEvent | undefined
  for (const event of await listMemberHistory(reader, roomNid, userId)) {
    if (membershipOf(event.pdu) === 'join') return { ended }
    ended = event
  }
  return undefined
}
