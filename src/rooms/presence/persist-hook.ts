import { hasUserIdShape } from '../../matrix/ids.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import type { RoomView } from '../room-view.ts'
import type { PersistHook } from '../types.ts'
import type { PresenceChange, PresenceStates } from './states.ts'

/** Notices who does something in a room, and who comes into one. */
export function createPresenceHook({ view, states }: { view: RoomView; states: PresenceStates }): PersistHook {
  return async (tx, { room, events, currentChanges }) => {
    const arrivals: PresenceChange[] = []
    for (const { pdu, beforeNid } of currentChanges) {
      const userId = pdu.state_key ?? ''
      if (pdu.type !== 'm.room.member' || membershipOf(pdu) !== 'join' || !hasUserIdShape(userId)) continue
      const before = await view.entry(tx, beforeNid, 'm.room.member', userId)
      if (membershipOf(before?.pdu) !== 'join') arrivals.push({ userId, roomId: room.roomId })
    }
    const senders = new Set(events.map(({ pdu }) => pdu.sender))
    tx.afterCommit(() => {
      for (const userId of senders) states.acted(userId)
      for (const arrival of arrivals) states.log.push(arrival)
    })
  }
}
