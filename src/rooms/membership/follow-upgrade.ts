import type { Accounts } from '../../accounts/accounts.ts'
import type { Reader, Tx } from '../../db/database.ts'
import { predecessorOf } from '../../matrix/content.ts'
import { hasUserIdShape, type RoomId, type UserId } from '../../matrix/ids.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import type { RoomView } from '../room-view.ts'
import { getMembership } from '../store-members.ts'
import { getRoom } from '../store-rooms.ts'
import type { PersistHook, StoredEvent } from '../types.ts'

/** A local user has come from a room into the one that replaces it. */
export interface FollowedUpgrade {
  readonly userId: UserId
  readonly from: RoomId
  readonly to: RoomId
}

/** Called in the transaction of the join: what the user has set for the old room may be carried over. */
export type UpgradeHook = (tx: Tx, upgrade: FollowedUpgrade) => Promise<void>

interface Deps {
  readonly view: RoomView
  readonly isLocalUser: Accounts['isLocalUser']
  readonly hooks: readonly UpgradeHook[]
}

/** Finds the joins to rooms that replace one where the user is: https://spec.matrix.org/v1.19/client-server-api/#room-upgrades */
export function createUpgradeFollower({ view, isLocalUser, hooks }: Deps): PersistHook {
  async function isNewJoin(reader: Reader, event: StoredEvent, userId: UserId): Promise<boolean> {
    if (membershipOf(event.pdu) !== 'join') return false
    const before = await view.entry(reader, event.beforeNid, 'm.room.member', userId)
    return membershipOf(before?.pdu) !== 'join'
  }

  return async (tx, { room, currentChanges }) => {
    for (const event of currentChanges) {
      const { type, state_key: userId = '' } = event.pdu
      if (type !== 'm.room.member' || !hasUserIdShape(userId) || !isLocalUser(userId)) continue
      if (!(await isNewJoin(tx, event, userId))) continue
      const from = predecessorOf((await view.entry(tx, room.stateNid, 'm.room.create', ''))?.pdu)
      if (from === undefined) return
      const old = await getRoom(tx, from)
      const member = old && (await getMembership(tx, old.nid, userId))
      if (member?.membership !== 'join') continue
      for (const hook of hooks) await hook(tx, { userId, from, to: room.roomId })
    }
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
