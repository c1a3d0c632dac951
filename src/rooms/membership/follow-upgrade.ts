import type { Accounts } from '../../accounts/accounts.ts'
import type { Reader, Tx } from '../../db/database.ts'
import { predecessorOf, replacementRoomOf } from '../../matrix/content.ts'
import { hasUserIdShape, type RoomId, type UserId } from '../../matrix/ids.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import { createYielder } from '../../util/async.ts'
import type { RoomView } from '../room-view.ts'
import { getMembership, listLocalJoined } from '../store-members.ts'
import { getRoom } from '../store-rooms.ts'
import type { PersistHook, Room, StoredEvent } from '../types.ts'

/** A local user has come from a room into the one that replaces it. */
export interface FollowedUpgrade {
  readonly userId: UserId
  readonly from: RoomId
  readonly to: RoomId
}

/** Called in the transaction by which it is certain: what the user has set for the old room may be carried over. */
export type UpgradeHook = (tx: Tx, upgrade: FollowedUpgrade) => Promise<void>

interface Deps {
  readonly view: RoomView
  readonly isLocalUser: Accounts['isLocalUser']
  readonly hooks: readonly UpgradeHook[]
}

/**
 * Finds the users of ours who have come from a room into the one that replaces it: whoever joins that one, and whoever is
 * in it already when the tombstone comes. A room that only says of itself that it replaces another does not count.
 * https://spec.matrix.org/v1.19/client-server-api/#room-upgrades
 */
export function createUpgradeFollower({ view, isLocalUser, hooks }: Deps): PersistHook {
  async function isNewJoin(reader: Reader, event: StoredEvent, userId: UserId): Promise<boolean> {
    if (membershipOf(event.pdu) !== 'join') return false
    const before = await view.entry(reader, event.beforeNid, 'm.room.member', userId)
    return membershipOf(before?.pdu) !== 'join'
  }

  async function newJoiners(reader: Reader, changes: readonly StoredEvent[]): Promise<UserId[]> {
    const users: UserId[] = []
    for (const event of changes) {
      const { type, state_key: userId = '' } = event.pdu
      if (type !== 'm.room.member' || !hasUserIdShape(userId) || !isLocalUser(userId)) continue
      if (await isNewJoin(reader, event, userId)) users.push(userId)
    }
    return users
  }

  const predecessor = async (reader: Reader, room: Room) =>
    predecessorOf((await view.entry(reader, room.stateNid, 'm.room.create', ''))?.pdu)

  async function follow(tx: Tx, users: Iterable<UserId>, from: Room, to: Room): Promise<void> {
    const pause = createYielder()
    for (const userId of users) {
      await pause()
      if ((await getMembership(tx, from.nid, userId))?.membership !== 'join') continue
      for (const hook of hooks) await hook(tx, { userId, from: from.roomId, to: to.roomId })
    }
  }

  async function followJoins(tx: Tx, room: Room, changes: readonly StoredEvent[]): Promise<void> {
    const users = await newJoiners(tx, changes)
    const oldId = users.length === 0 ? undefined : await predecessor(tx, room)
    const old = oldId === undefined ? undefined : await getRoom(tx, oldId)
    if (old === undefined) return
    const tombstone = await view.entry(tx, old.stateNid, 'm.room.tombstone', '')
    if (replacementRoomOf(tombstone?.pdu) === room.roomId) await follow(tx, users, old, room)
  }

  async function followTombstone(tx: Tx, room: Room, changes: readonly StoredEvent[]): Promise<void> {
    const tombstone = changes.find(({ pdu }) => pdu.type === 'm.room.tombstone' && pdu.state_key === '')
    const newId = replacementRoomOf(tombstone?.pdu)
    const replacement = newId === undefined ? undefined : await getRoom(tx, newId)
    if (replacement === undefined || (await predecessor(tx, replacement)) !== room.roomId) return
    // Members of ours have valid ids.
    await follow(tx, (await listLocalJoined(tx, replacement.nid)) as UserId[], room, replacement)
  }

  return async (tx, { room, currentChanges }) => {
    await followJoins(tx, room, currentChanges)
    await followTombstone(tx, room, currentChanges)
  }
}

/** Carries over the user's tags, and whether the room is a direct chat. */
export function carryAccountData(accountData: Accounts['accountData']): UpgradeHook {
  return async (tx, { userId, from, to }) => {
    const tags = await accountData.get(tx, userId, 'm.tag', from)
    if (tags !== undefined && (await accountData.get(tx, userId, 'm.tag', to)) === undefined) {
      await accountData.set(tx, userId, 'm.tag', tags, to)
    }
    const direct = await accountData.get(tx, userId, 'm.direct')
    if (direct === undefined) return
    let changed = false
    const updated = Object.entries(direct).map(([key, rooms]) => {
      if (!Array.isArray(rooms) || !rooms.includes(from) || rooms.includes(to)) return [key, rooms] as const
      changed = true
      return [key, [...rooms, to]] as const
    })
    if (changed) await accountData.set(tx, userId, 'm.direct', Object.fromEntries(updated))
  }
}
