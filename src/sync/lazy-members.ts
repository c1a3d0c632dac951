import { LruMap } from '../util/lru.ts'
import type { Window } from './types.ts'

/**
 * Which member events a device has been sent, so that lazy loading does not repeat them. Lost on a restart, when
 * members are sent once more.
 */
export interface SentMembers {
  /**
   * Those of the member events that the device does not have for certain: an answer counts as received once the device
   * asks on from its end. From then on these do, too.
   */
  unsent(device: string, roomNid: number, eventNids: readonly number[], window: Window): number[]
  forget(device: string, roomNid: number): void
}

const maxRooms = 20_000

export function createSentMembers(): SentMembers {
  /** By device and room: where the answer ended that held each event. */
  const sent = new LruMap<string, Map<number, number>>(maxRooms)
  return {
    unsent: (device, roomNid, eventNids, { since, to }) => {
      const key = `${device}\0${roomNid}`
      let known = sent.get(key)
      if (known === undefined) {
        known = new Map()
        sent.set(key, known)
      }
      const fresh: number[] = []
      for (const nid of eventNids) {
        const end = known.get(nid)
        if (since !== undefined && end !== undefined && end <= since) continue
        fresh.push(nid)
        known.set(nid, to)
      }
      return fresh
    },
    forget: (device, roomNid) => sent.delete(`${device}\0${roomNid}`),
  }
}
