import type { Accounts } from '../../accounts/accounts.ts'
import type { Database, Tx } from '../../db/database.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import type { PersistHook } from '../../rooms/types.ts'
import { createYielder } from '../../util/async.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Live } from '../live/live.ts'
import type { Webhooks } from '../webhooks/webhooks.ts'
import { createAnnounce } from './announce.ts'
import { callObject, callOf } from './call-object.ts'
import type { Timings } from './kernel/call-state.ts'
import type { Evidence } from './kernel/evidence.ts'
import { judgeJob, Ledger } from './ledger.ts'
import { createCallHook } from './persist-hook.ts'
import { createReadSetting } from './setting.ts'
import { getCallRow, updateNote } from './store-calls.ts'
import { deleteCallsBefore, deleteLogOf, listCallsOf } from './store-parties.ts'
import type { Call, CallHook, Calls } from './types.ts'
import { readDelayed } from './wire/delayed.ts'
import { freshFor } from './wire/observe.ts'
import { readParticipant } from './wire/participants.ts'

export interface CallsDeps {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly jobs: Pick<Jobs, 'enqueue' | 'cancel' | 'handle' | 'schedule'>
  readonly accounts: Pick<Accounts, 'isLocalUser' | 'accountData' | 'appservices' | 'onDeactivate'>
  readonly reads: Pick<RoomReads, 'roomById' | 'view' | 'joined'>
  readonly live: Pick<Live, 'publish'>
  readonly webhooks: Pick<Webhooks, 'emit'>
  readonly ownBots: readonly UserId[]
  readonly timings: Timings
  /** How long calls stand in the logs, in ms. */
  readonly keep: number
}

export interface CallLedger extends Calls {
  readonly hook: PersistHook
  /** A page of the user's log, newest first, and where the next one begins. */
  list(userId: UserId, page: { limit: number; from: number | undefined }): Promise<{ calls: Call[]; next?: number }>
}

const expireJob = 'calls.expire'
const page = 500

/** Composes the ledger of what became of each call. */
export function createCalls(deps: CallsDeps): CallLedger {
  const { db, clock, jobs, accounts, keep } = deps
  const hooks: CallHook[] = []
  const ledger = new Ledger({
    ...deps,
    readSetting: createReadSetting(deps),
    announce: createAnnounce({ ...deps, hooks }),
  })

  jobs.handle(judgeJob, async ({ callNid }) => {
    await db.write('judge a call', (tx) => ledger.judgeAgain(tx, Number(callNid)))
  })
  jobs.handle(expireJob, async () => {
    const pause = createYielder()
    const remove = (tx: Tx) => deleteCallsBefore(tx, clock.now() - keep, page)
    for (let deleted = page; deleted === page; await pause()) deleted = await db.write('expire calls', remove)
  })
  jobs.schedule('37 4 * * *', expireJob)
  accounts.onDeactivate(async (tx, { userId, erase }) => {
    if (erase) await deleteLogOf(tx, userId)
  })

  const record = async (tx: Tx, roomId: string, evidence: Evidence | undefined) => {
    if (evidence !== undefined) await ledger.record(tx, roomId, evidence)
  }

  return {
    hook: createCallHook({ ...deps, ledger }),
    subscribe: (hook) => void hooks.push(hook),
    getCall: async (reader, callId) => {
      const row = await getCallRow(reader, callId)
      return row && callOf(row)
    },
    noteParticipant: async (tx, news) => {
      const now = clock.now()
      // It tells again what was not taken, and its clock is another: what it says is from now, or too old to begin a call.
      if (news.what === 'joined' && now - news.ts > freshFor) return
      await record(tx, news.roomId, readParticipant({ ...news, ts: now }))
    },
    noteDelayed: (tx, news) => record(tx, news.roomId, readDelayed(news)),
    linkNote: updateNote,
    callObject,
    list: async (userId, { limit, from }) => {
      const rows = await db.read((reader) => listCallsOf(reader, userId, { before: from, limit: limit + 1 }))
      const shown = rows.slice(0, limit)
      const last = shown.at(-1)
      return { calls: shown.map(callOf), ...(rows.length > limit && last && { next: last.call_nid }) }
    },
  }
}
