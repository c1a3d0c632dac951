import type { Reader, Tx } from '../../db/database.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { MediaRef } from '../../matrix/mxc.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import {
  extendHold,
  type HeldMedia,
  type HoldFilter,
  type HoldKind,
  type HoldRow,
  insertHold,
  listHolds,
  type NewHold,
  releaseHold,
  releaseHolds,
} from '../store-holds.ts'
import { getMedia } from '../store-media.ts'
import { resettleJob } from './resettle.ts'
import type { Settle } from './settle.ts'
import { listHashes, listMediaOfEvent } from './store-links.ts'

export type { HoldKind } from '../store-holds.ts'

/** What keeps media from being deleted, whatever else holds. While it does, the clocks of what it is about stand still. */
export interface Holds {
  /** Keeps one piece of media until a time in ms or until `release`. */
  hold(tx: Tx, mediaNid: number, hold: { kind: HoldKind; note?: string; expiresTs?: number }): Promise<void>
  release(tx: Tx, mediaNid: number, kind: HoldKind): Promise<void>
  /** Keeps all that fits, also what comes later; returns the hold's number. */
  holdAll(tx: Tx, hold: Omit<NewHold, 'createdTs'>): Promise<number>
  /** Ends a hold by its number, unless it is a quarantine; false where there is none. */
  releaseHold(tx: Tx, holdNid: number, by: string): Promise<boolean>
  listHolds(
    reader: Reader,
    filter: Omit<HoldFilter, 'now'>,
    page: { from: number; limit: number },
  ): Promise<{ holds: HoldRow[]; total: number }>
  /** The number of media by its address. */
  mediaNid(reader: Reader, ref: MediaRef): Promise<number | undefined>
  /** Somebody has reported a message, or a user: what it shows, or all that user has uploaded, is kept for 90 days. */
  reported(tx: Tx, what: { roomNid: number; eventId: string } | { userId: string }): Promise<void>
}

interface Deps {
  readonly clock: Clock
  readonly log: Log
  readonly jobs: Pick<Jobs, 'enqueue'>
  readonly settle: Settle
}

/** For so long what was reported can be looked at, in ms. */
const reportLifetime = 90 * 24 * 60 * 60 * 1000

export function createHolds({ clock, log, jobs, settle }: Deps): Holds {
  async function holdAll(tx: Tx, hold: Omit<NewHold, 'createdTs'>): Promise<number> {
    const nid = await insertHold(tx, { ...hold, createdTs: clock.now() })
    await jobs.enqueue(tx, resettleJob, concerned(hold))
    return nid
  }

  /** However often it is reported, there is one hold. */
  async function holdReported(tx: Tx, what: { mediaNid: number; note: string } | { userId: string }): Promise<void> {
    const hold = { kind: 'report' as const, ...what, expiresTs: clock.now() + reportLifetime }
    if (await extendHold(tx, hold, clock.now())) await jobs.enqueue(tx, resettleJob, concerned(hold))
    else await holdAll(tx, hold)
  }

  return {
    hold: async (tx, mediaNid, hold) => {
      await insertHold(tx, { mediaNid, createdTs: clock.now(), ...hold })
      await settle(tx, mediaNid)
    },
    release: async (tx, mediaNid, kind) => {
      await releaseHolds(tx, mediaNid, kind, clock.now())
      await settle(tx, mediaNid)
    },
    holdAll,
    releaseHold: async (tx, holdNid, by) => {
      const hold = await releaseHold(tx, holdNid, { by, now: clock.now() })
      if (hold) await jobs.enqueue(tx, resettleJob, concerned(hold))
      return hold !== undefined
    },
    listHolds: (reader, filter, page) => listHolds(reader, { ...filter, now: clock.now() }, page),
    mediaNid: async (reader, ref) => (await getMedia(reader, ref))?.nid,
    reported: async (tx, what) => {
      if ('userId' in what) return holdReported(tx, what)
      const shown = await listMediaOfEvent(tx, what.roomNid, what.eventId)
      for (const { nid, sha256 } of await listHashes(tx, shown)) {
        await holdReported(tx, { mediaNid: nid, note: `sha256 ${sha256}` })
        tx.afterCommit(() => log.info({ media: nid, sha256, event: what.eventId }, 'reported media is kept'))
      }
    },
  }
}

/** The least that has to be looked at again after a hold. */
function concerned({ mediaNid, userId, roomNid }: HeldMedia): JsonObject {
  if (mediaNid !== undefined) return { media: mediaNid }
  if (userId !== undefined) return { user: userId }
  return roomNid === undefined ? {} : { room: roomNid }
}
