import type { Tx } from '../../db/database.ts'
import { type ServerName, serverOf, type UserId } from '../../matrix/ids.ts'
import { upsertMembership } from '../store-members.ts'
import type { StoredEvent } from '../types.ts'

const text = (value: unknown) => (typeof value === 'string' ? value : null)

export interface MemberChange {
  readonly roomNid: number
  readonly userId: UserId
  /** The member event that stands now; or, where none does any more, the one that stood. */
  readonly event: StoredEvent
  /** When that came to be so. */
  readonly streamPos: number
  readonly isGone?: boolean
}

/** Files what somebody is in a room by its current state. */
export async function writeMembership(
  serverName: ServerName,
  tx: Tx,
  { roomNid, userId, event, streamPos, isGone = false }: MemberChange,
): Promise<void> {
  const { content, sender } = event.pdu
  await upsertMembership(tx, {
    room_nid: roomNid,
    user_id: userId,
    membership: isGone ? 'leave' : (text(content.membership) ?? 'leave'),
    event_nid: event.nid,
    stream_pos: streamPos,
    sender,
    display_name: text(content.displayname),
    avatar_url: text(content.avatar_url),
    is_local: serverOf(userId) === serverName ? 1 : 0,
    forgotten: 0,
    stripped_state: null,
  })
}
