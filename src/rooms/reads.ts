import type { Reader } from '../db/database.ts'
import { membershipOf } from '../matrix/member-content.ts'
import type { ClientEvents } from './client-event.ts'
import type { Erasures } from './erasure/erasures.ts'
import type { EventCache } from './event-cache.ts'
import { getLastStay, type Stay } from './last-stay.ts'
import { createRecentReads, type RecentReads } from './recent-reads.ts'
import { listFollowers } from './relations/store-subscriptions.ts'
import type { RoomView } from './room-view.ts'
import type { StateKey, States } from './states.ts'
import type { StickyReads } from './sticky/sticky-reads.ts'
import { getEventById, listTimeline, type TimelineRange } from './store-events.ts'
import { getMembership, listJoined, listMembers, listMembershipsOf, type MembershipRow } from './store-members.ts'
import {
  listCurrentOfType,
  listRoomFacts,
  listUserRooms,
  type RoomFacts,
  type UserRoomRow,
} from './store-room-lists.ts'
import { getRoom, getRoomByNid } from './store-rooms.ts'
import { listChangedMemberships, listHeroes } from './store-sync.ts'
import { listMemberHistory } from './store-timeline.ts'
import type { Room, StateNids, StoredEvent } from './types.ts'
import type { Visibility } from './visibility.ts'

export type { MembershipRow } from './store-members.ts'
export type { RoomFacts, UserRoomRow } from './store-room-lists.ts'

/** What the features to the right read of rooms, inside a snapshot that they hold. */
export interface RoomReads {
  readonly view: RoomView
  readonly visibility: Visibility
  readonly clientEvents: ClientEvents
  readonly recent: RecentReads
  readonly erasures: Erasures
  readonly sticky: StickyReads
  roomById(reader: Reader, roomId: string): Promise<Room | undefined>
  roomByNid(reader: Reader, roomNid: number): Promise<Room | undefined>
  /** Outliers and refused events too. */
  eventById(reader: Reader, eventId: string): Promise<StoredEvent | undefined>
  membership(reader: Reader, roomNid: number, userId: string): Promise<MembershipRow | undefined>
  /** The user's rooms with one membership, forgotten ones too. */
  memberships(reader: Reader, userId: string, membership: string): Promise<MembershipRow[]>
  /** Everybody with one membership in a room. */
  members(reader: Reader, roomNid: number, membership: string): Promise<MembershipRow[]>
  /** The ids of those who are in a room, at most `limit`. */
  joined(reader: Reader, roomNid: number, limit: number): Promise<string[]>
  changedMemberships(reader: Reader, userId: string, since: number): Promise<MembershipRow[]>
  /** The oldest events of a window, oldest first. */
  timelineAfter(reader: Reader, range: TimelineRange): Promise<StoredEvent[]>
  /** The membership that a user had at a position; `leave` where there was none. */
  membershipAt(reader: Reader, roomNid: number, userId: string, pos: number): Promise<string>
  /** The last time that a user was in a room; undefined for somebody who never was. */
  lastStay(reader: Reader, roomNid: number, userId: string): Promise<Stay | undefined>
  /** Who follows a thread, by choice or by their clients. */
  threadFollowers(reader: Reader, roomNid: number, rootId: string): Promise<ReadonlySet<string>>
  loadState(reader: Reader, stateNid: number): Promise<StateNids>
  stateKeys(reader: Reader, nids: Iterable<number>): Promise<ReadonlyMap<number, StateKey>>
  events(reader: Reader, nids: readonly number[]): Promise<ReadonlyMap<number, StoredEvent>>
  heroes(
    reader: Reader,
    roomNid: number,
    userId: string,
    membership: string,
  ): Promise<{ user_id: string; event_nid: number }[]>
  /** All rooms of a user that are not forgotten, whatever the membership. */
  userRooms(reader: Reader, userId: string): Promise<UserRoomRow[]>
  /** The entries of one type in a room's current state. */
  currentOfType(reader: Reader, roomNid: number, type: string): Promise<{ state_key: string; event_nid: number }[]>
  /** What the current state of each of these rooms says about it. */
  facts(reader: Reader, roomNids: readonly number[]): Promise<ReadonlyMap<number, RoomFacts>>
}

interface Deps {
  readonly view: RoomView
  readonly visibility: Visibility
  readonly clientEvents: ClientEvents
  readonly states: States
  readonly events: EventCache
  readonly erasures: Erasures
  readonly sticky: StickyReads
}

export function createRoomReads(deps: Deps): RoomReads {
  return {
    view: deps.view,
    visibility: deps.visibility,
    clientEvents: deps.clientEvents,
    erasures: deps.erasures,
    sticky: deps.sticky,
    recent: createRecentReads(deps.events, deps.states.load),
    roomById: getRoom,
    roomByNid: getRoomByNid,
    eventById: getEventById,
    membership: getMembership,
    memberships: listMembershipsOf,
    members: listMembers,
    joined: listJoined,
    changedMemberships: listChangedMemberships,
    timelineAfter: (reader, range) => listTimeline(reader, 'f', range),
    membershipAt: async (reader, roomNid, userId, pos) => {
      const history = await listMemberHistory(reader, roomNid, userId)
      return membershipOf(history.find((event) => (event.streamPos ?? 0) <= pos)?.pdu) ?? 'leave'
    },
    lastStay: getLastStay,
    threadFollowers: listFollowers,
    loadState: deps.states.load,
    stateKeys: deps.states.keys,
    events: deps.events.list,
    heroes: listHeroes,
    userRooms: listUserRooms,
    currentOfType: listCurrentOfType,
    facts: listRoomFacts,
  }
}
