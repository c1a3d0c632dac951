import type { Reader } from '../db/database.ts'
import { historyVisibilityOf } from '../matrix/content.ts'
import type { UserId } from '../matrix/ids.ts'
import { membershipOf } from '../matrix/member-content.ts'
import { isEventVisible, type VisibilityFacts } from '../matrix/visibility.ts'
import type { Clock } from '../util/clock.ts'
import { getLastStay } from './last-stay.ts'
import type { RoomView } from './room-view.ts'
import { isStickyNow } from './sticky/store-sticky.ts'
import { getMembership } from './store-members.ts'
import type { Room, StoredEvent } from './types.ts'

export interface Visibility {
  /** Those of the events that the user may see, in the same order. `isIn` saves a look where the user is known to be in now. */
  filter(
    reader: Reader,
    room: Pick<Room, 'nid'>,
    userId: UserId,
    events: readonly StoredEvent[],
    isIn?: boolean,
  ): Promise<StoredEvent[]>
  /** Whether the event is sticky still: then whoever is in the room may see it, whatever the history visibility is. */
  isAtHand(
    reader: Reader,
    room: Pick<Room, 'nid' | 'stickyUntil'>,
    userId: UserId,
    event: StoredEvent,
  ): Promise<boolean>
  /** The user's membership in a state, as `unsigned.membership` tells it: `leave` where there is none. */
  membershipAt(reader: Reader, userId: UserId, stateNid: number | undefined): Promise<string>
}

export function createVisibility(view: RoomView, clock: Clock): Visibility {
  async function membershipAt(reader: Reader, userId: UserId, stateNid: number | undefined): Promise<string> {
    return membershipOf((await view.entry(reader, stateNid, 'm.room.member', userId))?.pdu) ?? 'leave'
  }

  async function factsAt(reader: Reader, userId: UserId, stateNid: number | undefined): Promise<VisibilityFacts> {
    const visibility = await view.entry(reader, stateNid, 'm.room.history_visibility', '')
    return {
      visibility: historyVisibilityOf(visibility?.pdu),
      membership: await membershipAt(reader, userId, stateNid),
    }
  }

  /** The position up to which the user was in the room; undefined if never. */
  async function joinedUntil(reader: Reader, roomNid: number, userId: UserId): Promise<number | undefined> {
    const stay = await getLastStay(reader, roomNid, userId)
    return stay && (stay.ended?.streamPos ?? Number.POSITIVE_INFINITY)
  }

  return {
    membershipAt,
    isAtHand: async (reader, { nid, stickyUntil }, userId, event) => {
      const now = clock.now()
      if (stickyUntil <= now || !(await isStickyNow(reader, event.nid, now))) return false
      return (await getMembership(reader, nid, userId))?.membership === 'join'
    },
    filter: async (reader, room, userId, events, isIn = false) => {
      if (events.length === 0) return []
      const until = isIn ? Number.POSITIVE_INFINITY : await joinedUntil(reader, room.nid, userId)
      const known = new Map<number | undefined, VisibilityFacts>()
      const at = async (stateNid: number | undefined): Promise<VisibilityFacts> => {
        const facts = known.get(stateNid) ?? (await factsAt(reader, userId, stateNid))
        known.set(stateNid, facts)
        return facts
      }
      const visible: StoredEvent[] = []
      for (const event of events) {
        const before = await at(event.beforeNid)
        const after = mattersAfter(event, userId) ? await at(event.stateNid) : before
        const joinedLater = until !== undefined && (event.streamPos ?? 0) < until
        if (isEventVisible({ before, after, joinedLater }, event.pdu, userId)) visible.push(event)
      }
      return visible
    },
  }
}

/** Whether the state after the event decides too: only for what it says itself about who sees it. */
function mattersAfter({ pdu }: StoredEvent, userId: UserId): boolean {
  return pdu.type === 'm.room.history_visibility' || (pdu.type === 'm.room.member' && pdu.state_key === userId)
}
