import type { Reader } from '../db/database.ts'
import type { AuthState } from '../matrix/auth-state.ts'
import type { Pdu } from '../matrix/event.ts'
import { notificationPower, powerOf } from '../matrix/power-levels.ts'
import type { PushSubject } from '../matrix/push-conditions.ts'
import type { RoomReads } from '../rooms/reads.ts'
import type { Room, StoredEvent } from '../rooms/types.ts'
import { countJoined } from './store-classes.ts'

/** Asks rules about an event. The subject answers the same questions again afterwards. */
export type AskRules = <T>(
  event: StoredEvent,
  evaluate: (subject: PushSubject) => T,
) => Promise<{ result: T; subject: PushSubject }>

/**
 * What rules may ask about a room besides its events, read when first asked for. `largestCount` is the largest number that
 * a rule compares the member count with: members are counted no further.
 */
export function createRoomFacts(
  { reads, reader, largestCount }: { reads: Pick<RoomReads, 'view'>; reader: Reader; largestCount: number },
  room: Room,
): AskRules {
  let memberCount: number | undefined

  async function powerBefore(event: StoredEvent): Promise<(key: string) => boolean> {
    const state = new Map<string, Pdu>()
    for (const type of ['m.room.create', 'm.room.power_levels']) {
      const entry = await reads.view.entry(reader, event.beforeNid, type, '')
      if (entry !== undefined) state.set(type, entry.pdu)
    }
    const view: AuthState = (type, key) => (key === '' ? state.get(type) : undefined)
    const power = powerOf(view, room.rules, event.pdu.sender)
    return (key) => power >= notificationPower(view, room.rules, key)
  }

  return async (event, evaluate) => {
    const asked = { count: false, power: false }
    let hasPower: ((key: string) => boolean) | undefined
    const subject: PushSubject = {
      event: event.pdu.room_id === undefined ? { ...event.pdu, room_id: room.roomId } : event.pdu,
      get memberCount() {
        asked.count = true
        return memberCount ?? 0
      },
      hasNotificationPower: (key) => {
        asked.power = true
        return hasPower?.(key) ?? false
      },
    }
    let result = evaluate(subject)
    // The rules cannot wait, so they are asked again once what they wanted to know is there.
    while ((asked.count && memberCount === undefined) || (asked.power && hasPower === undefined)) {
      if (asked.count) memberCount ??= await countJoined(reader, room.nid, largestCount + 1)
      if (asked.power) hasPower ??= await powerBefore(event)
      result = evaluate(subject)
    }
    return { result, subject }
  }
}
