import { LruMap } from '../util/lru.ts'

/**
 * Which member events a device has been sent, so that lazy loading does not repeat them. Lost on a restart, when
 * members are sent once more.
 */
export interface SentMembers {
  /** Those of the member events that the device has not had yet; they count as sent from now on. */
  unsent(device: string, roomNid: number, eventNids: readonly number[]): number[]
  forget(device: string, roomNid: number): void
}

const maxRooms = 20_000

export function createSentMembers(): SentMembers {
  const sent = new LruMap<string, Set<number>>(maxRooms)
  return {
    unsent: (device, roomNid, eventNids) => {
      const key = `${device}\0${roomNid}`
      let known = sent.get(key)
      if (known === undefined) {
        known = new Set()
        sent.set(key, known)
      }
      const fresh = eventNids.filter((nid) => !known.has(nid))
      for (const nid of fresh) known.add(nid)
      return fresh
    },
    forget: (device, roomNid) => sent.delete(`${device}\0${roomNid}`),
  }
}
