import type { Reader } from '../db/database.ts'
import type { AuthState } from '../matrix/auth-state.ts'
import type { Pdu } from '../matrix/event.ts'
import { notificationPower, powerOf } from '../matrix/power-levels.ts'
import type { PushSubject } from '../matrix/push-conditions.ts'
import type { RoomReads } from '../rooms/reads.ts'
import type { Room, StoredEvent } from '../rooms/types.ts'
import type { LruMap } from '../util/lru.ts'
import { countJoined } from './store-classes.ts'

/** Asks rules about an event. The subject answers the same questions again afterwards. */
export type AskRules = <T>(
  event: StoredEvent,
  evaluate: (subject: PushSubject) => T,
) => Promise<{ result: T; subject: PushSubject }>

/** How many are joined where a room has some state: many users ask the same. */
export type KnownCounts = LruMap<string, number>

interface Source {
  readonly reads: Pick<RoomReads, 'view' | 'threadFollowers'>
  readonly reader: Reader
  /** The largest number that a rule compares the member count with: members are counted no further. */
  readonly largestCount: number
  /** Only for snapshots: a write may still be undone. */
  readonly counts?: KnownCounts
}

const nobody: ReadonlySet<string> = new Set()

/** What rules may ask about a room besides its events, read when first asked for. */
export function createRoomFacts({ reads, reader, largestCount, counts }: Source, room: Room): AskRules {
  let memberCount: number | undefined

  async function countMembers(): Promise<number> {
    // A room whose members are not all here is a large one.
    if (room.isPartial) return largestCount + 1
    const key = `${room.nid} ${room.stateNid} ${largestCount}`
    const known = counts?.get(key) ?? (await countJoined(reader, room.nid, largestCount + 1))
    counts?.set(key, known)
    return known
  }

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
    const asked = { count: false, power: false, followers: false }
    const { threadId } = event
    let followers: ReadonlySet<string> | undefined
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
      get threadFollowers() {
        if (threadId === undefined) return undefined
        asked.followers = true
        return followers ?? nobody
      },
    }
    let result = evaluate(subject)
    // The rules cannot wait, so they are asked again once what they wanted to know is there.
    const isOpen = () =>
      (asked.count && memberCount === undefined) ||
      (asked.power && hasPower === undefined) ||
      (asked.followers && followers === undefined)
    while (isOpen()) {
      if (asked.count) memberCount ??= await countMembers()
      if (asked.power) hasPower ??= await powerBefore(event)
      if (asked.followers && threadId !== undefined)
        followers ??= await reads.threadFollowers(reader, room.nid, threadId)
      result = evaluate(subject)
    }
    return { result, subject }
  }
}
