import type { Reader } from '../db/database.ts'
import { membershipOf } from '../matrix/member-content.ts'
import type { ClientEvents } from './client-event.ts'
import type { EventCache } from './event-cache.ts'
import type { RoomView } from './room-view.ts'
import type { StateKey, States } from './states.ts'
import { getStateNidAt, listTimeline, type TimelineRange } from './store-events.ts'
import { countMembers, getMembership, listMembershipsOf, type MembershipRow } from './store-members.ts'
import { getRoom, getRoomByNid } from './store-rooms.ts'
import {
  isJoined,
  listActiveRooms,
  listChangedMemberships,
  listHeroes,
  listJoinedNids,
  listRoomsWithReceipts,
} from './store-sync.ts'
import { listMemberHistory } from './store-timeline.ts'
import type { Room, StateNids, StoredEvent } from './types.ts'
import type { Visibility } from './visibility.ts'

export type { MembershipRow } from './store-members.ts'

/** What the features to the right read of rooms, inside a snapshot that they hold. */
export interface RoomReads {
  readonly view: RoomView
  readonly visibility: Visibility
  readonly clientEvents: ClientEvents
  room(reader: Reader, nid: number): Promise<Room | undefined>
  roomById(reader: Reader, roomId: string): Promise<Room | undefined>
  membership(reader: Reader, roomNid: number, userId: string): Promise<MembershipRow | undefined>
  /** The user's rooms with one membership, forgotten ones too. */
  memberships(reader: Reader, userId: string, membership: string): Promise<MembershipRow[]>
  changedMemberships(reader: Reader, userId: string, since: number): Promise<MembershipRow[]>
  joinedNids(reader: Reader, userId: string): Promise<number[]>
  isJoined(reader: Reader, roomNid: number, userId: string): Promise<boolean>
  /** The membership that a user had at a position; `leave` where there was none. */
  membershipAt(reader: Reader, roomNid: number, userId: string, pos: number): Promise<string>
  /** Rooms of the whole server with events after `since`, at most `limit`. */
  activeRooms(reader: Reader, since: number, limit: number): Promise<number[]>
  roomsWithReceipts(reader: Reader, since: number, limit: number): Promise<number[]>
  timeline(reader: Reader, dir: 'b' | 'f', range: TimelineRange): Promise<StoredEvent[]>
  stateNidAt(reader: Reader, roomNid: number, pos: number): Promise<number | undefined>
  loadState(reader: Reader, stateNid: number): Promise<StateNids>
  stateKeys(reader: Reader, nids: Iterable<number>): Promise<ReadonlyMap<number, StateKey>>
  events(reader: Reader, nids: readonly number[]): Promise<ReadonlyMap<number, StoredEvent>>
  countMembers(reader: Reader, roomNid: number): Promise<{ joined: number; invited: number }>
  heroes(
    reader: Reader,
    roomNid: number,
    userId: string,
    membership: string,
  ): Promise<{ user_id: string; event_nid: number }[]>
}

interface Deps {
  readonly view: RoomView
  readonly visibility: Visibility
  readonly clientEvents: ClientEvents
  readonly states: States
  readonly events: EventCache
}

export function createRoomReads(deps: Deps): RoomReads {
  return {
    view: deps.view,
    visibility: deps.visibility,
    clientEvents: deps.clientEvents,
    room: getRoomByNid,
    roomById: getRoom,
    membership: getMembership,
    memberships: listMembershipsOf,
    changedMemberships: listChangedMemberships,
    joinedNids: listJoinedNids,
    isJoined,
    membershipAt: async (reader, roomNid, userId, pos) => {
      const history = await listMemberHistory(reader, roomNid, userId)
      return membershipOf(history.find((event) => (event.streamPos ?? 0) <= pos)?.pdu) ?? 'leave'
    },
    activeRooms: listActiveRooms,
    roomsWithReceipts: listRoomsWithReceipts,
    timeline: listTimeline,
    stateNidAt: getStateNidAt,
    loadState: deps.states.load,
    stateKeys: deps.states.keys,
    events: deps.events.list,
    countMembers,
    heroes: listHeroes,
  }
}
