import type { AccountData } from '../../accounts/account-data.ts'
import type { Reader } from '../../db/database.ts'
import type { UserId } from '../../matrix/ids.ts'
import { judgeInvite } from '../../matrix/invite-permission.ts'
import type { PushVerdict } from '../../matrix/push-rules.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import type { Room, StoredEvent } from '../../rooms/types.ts'
import { getMember, type Member } from '../store-members.ts'
import { readUpTo } from '../unread.ts'
import type { Candidate } from './candidates.ts'
import type { UserJudge } from './user-judge.ts'

/** An event that notifies a user by the rules that the user has now. */
export interface Notified {
  readonly room: Room
  readonly event: StoredEvent
  readonly pos: number
  readonly verdict: PushVerdict
  readonly isRead: boolean
}

export type LookReads = Pick<RoomReads, 'recent' | 'visibility'>

interface Sight {
  readonly reads: LookReads
  readonly reader: Reader
  /** The newest position in the snapshot. */
  readonly at: number
  readonly only: 'highlight' | 'unread' | undefined
  readonly judge: UserJudge
  readonly inviteSettings: AccountData['inviteSettings']
}

/** Looks at events for one user in one snapshot. */
export function createLook({ reads, reader, at, only, judge, inviteSettings }: Sight, userId: UserId) {
  const members = new Map<number, Member | undefined>()
  const rooms = new Map<number, Room | undefined>()
  const memberships = new Map<number | undefined, string>()

  async function member(roomNid: number): Promise<Member | undefined> {
    if (!members.has(roomNid)) members.set(roomNid, await getMember(reader, roomNid, userId))
    return members.get(roomNid)
  }

  async function room(roomNid: number): Promise<Room | undefined> {
    if (!rooms.has(roomNid)) rooms.set(roomNid, await reads.recent.room(reader, roomNid, at))
    return rooms.get(roomNid)
  }

  /** Of an invitation that is not told the user is not told here either. */
  const isHidden = async ({ pdu }: StoredEvent) =>
    judgeInvite(await inviteSettings(reader, userId), pdu.sender) !== 'allow'

  /** What happened before the user came, or between two stays, notified nobody; what is unread came later. */
  async function wasIn({ beforeNid }: StoredEvent): Promise<boolean> {
    const known = memberships.get(beforeNid) ?? (await reads.visibility.membershipAt(reader, userId, beforeNid))
    memberships.set(beforeNid, known)
    return known === 'join'
  }

  return {
    isMember: async (roomNid: number) => (await member(roomNid)) !== undefined,
    /** Undefined for what does not notify the user. */
    at: async ({ event, pos }: Candidate): Promise<Notified | undefined> => {
      if (event.redactedBy !== undefined || event.pdu.sender === userId) return undefined
      const [own, where] = [await member(event.roomNid), await room(event.roomNid)]
      const isInvitation = event.pdu.type === 'm.room.member' && event.pdu.state_key === userId
      if (where === undefined || (own === undefined && !isInvitation)) return undefined
      const isRead = own !== undefined && pos <= (await readUpTo(reader, own, event.threadId ?? ''))
      if (isRead && only === 'unread') return undefined
      const verdict = await judge(where, event)
      if (!verdict.notify || (only === 'highlight' && !verdict.highlight)) return undefined
      const isOut = isInvitation ? await isHidden(event) : isRead && !(await wasIn(event))
      if (isOut) return undefined
      return { room: where, event, pos, verdict, isRead }
    },
  }
}
