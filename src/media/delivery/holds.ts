import type { Tx } from '../../db/database.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { Clock } from '../../util/clock.ts'
import { type HoldKind, insertHold, type NewHold, releaseHolds } from '../store-holds.ts'
import { resettleJob } from './resettle.ts'
import type { Settle } from './settle.ts'

/** What keeps media from being deleted, whatever else holds. While it does, the clocks of what it is about stand still. */
export interface Holds {
  /** Keeps one piece of media until a time in ms or until `release`. */
  hold(tx: Tx, mediaNid: number, hold: { kind: HoldKind; note?: string; expiresTs?: number }): Promise<void>
  release(tx: Tx, mediaNid: number, kind: HoldKind): Promise<void>
  /** Keeps all that fits, also what comes later; returns the hold's number. */
  holdAll(tx: Tx, hold: Omit<NewHold, 'createdTs'>): Promise<number>
}

interface Deps {
  readonly clock: Clock
  readonly jobs: Pick<Jobs, 'enqueue'>
  readonly settle: Settle
}

export function createHolds({ clock, jobs, settle }: Deps): Holds {
  return {
    hold: async (tx, mediaNid, hold) => {
      await insertHold(tx, { mediaNid, createdTs: clock.now(), ...hold })
      await settle(tx, mediaNid)
    },
    release: async (tx, mediaNid, kind) => {
      await releaseHolds(tx, mediaNid, kind, clock.now())
      await settle(tx, mediaNid)
    },
    holdAll: async (tx, hold) => {
      const nid = await insertHold(tx, { ...hold, createdTs: clock.now() })
      await jobs.enqueue(tx, resettleJob, resettled(hold))
      return nid
    },
  }
}

/** The least that has to be looked at again after a hold. */
export function resettled({ mediaNid, userId, roomNid }: Pick<NewHold, 'mediaNid' | 'userId' | 'roomNid'>): JsonObject {
  if (mediaNid !== undefined) return { media: mediaNid }
  if (userId !== undefined) return { user: userId }
  return roomNid === undefined ? {} : { room: roomNid }
}
