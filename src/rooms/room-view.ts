import type { Reader } from '../db/database.ts'
import type { EventCache } from './event-cache.ts'
import type { States } from './states.ts'
import type { StoredEvent } from './types.ts'

/** Reads entries of a state by name. */
export interface RoomView {
  entry(reader: Reader, stateNid: number | undefined, type: string, stateKey: string): Promise<StoredEvent | undefined>
  /** All events of a state, in no order. */
  all(reader: Reader, stateNid: number | undefined): Promise<StoredEvent[]>
}

export function createRoomView(states: States, events: EventCache): RoomView {
  return {
    entry: async (reader, stateNid, type, stateKey) => {
      if (stateNid === undefined) return undefined
      const keyNid = await states.keyNid(reader, type, stateKey)
      const nid = keyNid === undefined ? undefined : await states.lookup(reader, stateNid, keyNid)
      return nid === undefined ? undefined : events.get(reader, nid)
    },
    all: async (reader, stateNid) => {
      if (stateNid === undefined) return []
      const state = await states.load(reader, stateNid)
      return [...(await events.list(reader, [...state.values()])).values()]
    },
  }
}
