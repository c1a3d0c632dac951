import type { Accounts } from '../../accounts/accounts.ts'
import type { Tx } from '../../db/database.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import { randomToken } from '../../util/random.ts'
import type { Announce } from './announce.ts'
import { afterlife } from './kernel/afterlife.ts'
import { apply } from './kernel/apply.ts'
import { type CallState, isParty, newCall, type Timings } from './kernel/call-state.ts'
import type { Evidence, Opening } from './kernel/evidence.ts'
import { judge } from './kernel/judge.ts'
import { reveal } from './kernel/reveal.ts'
import { routeOf } from './kernel/route.ts'
import type { ReadSetting } from './setting.ts'
import {
  type CallRow,
  countBegunSince,
  getCallByNid,
  getLiveCall,
  insertCall,
  updateCall,
  wasAskedSince,
} from './store-calls.ts'
import { insertParty } from './store-parties.ts'

export interface LedgerDeps {
  readonly clock: Clock
  readonly log: Log
  readonly jobs: Pick<Jobs, 'enqueue' | 'cancel'>
  readonly reads: Pick<RoomReads, 'roomById'>
  readonly accounts: Pick<Accounts, 'isLocalUser' | 'accountData'>
  readonly readSetting: ReadSetting
  readonly timings: Timings
  readonly announce: Announce
}

export const judgeJob = 'calls.judge'

/** A caller is asked about the same person once in this time. */
const askAgainAfter = 120_000
/** In one room: people do not call each other as often. */
const maxCallsPerMinute = 20

/** Keeps what is known of calls, and decides as soon as it is certain what became of them. */
export class Ledger {
  readonly #deps: LedgerDeps

  constructor(deps: LedgerDeps) {
    this.#deps = deps
  }

  /** Files evidence under the call that it is about. */
  async record(tx: Tx, roomId: string, evidence: Evidence): Promise<void> {
    const row = await getLiveCall(tx, roomId)
    const live = row && { state: stateOf(row), hasEnded: row.ended_ts !== null }
    const known = live ? reveal(live.state, evidence) : evidence
    const route = routeOf(live, known, this.#deps.timings)
    if (route.to === 'new') await this.#open(tx, roomId, row, route.opening, route.legs)
    else if (route.to === 'live' && row && live) await this.#know(tx, row, live.state, known)
  }

  /** Decides about a call whose time has come. */
  async judgeAgain(tx: Tx, callNid: number): Promise<void> {
    const row = await getCallByNid(tx, callNid)
    if (row !== undefined && row.state !== null) await this.#update(tx, row, stateOf(row))
  }

  async #know(tx: Tx, row: CallRow, before: CallState, evidence: Evidence): Promise<void> {
    const state = apply(before, evidence, this.#deps.timings)
    if (state === before) return
    const hasCome = evidence.what === 'present' || evidence.what === 'answer'
    if (hasCome && row.callee === null && isParty(state, evidence.by)) {
      if (await this.#addParty(tx, row, evidence.by)) await this.#deps.announce.came(tx, row, evidence.by)
    }
    await this.#update(tx, row, state)
  }

  async #open(tx: Tx, roomId: string, before: CallRow | undefined, opening: Opening, legs: CallState['legs']) {
    const { reads, readSetting, timings, announce, clock, log } = this.#deps
    const startedTs = clock.now()
    if ((await countBegunSince(tx, roomId, startedTs - 60_000)) >= maxCallsPerMinute) {
      log.info({ roomId }, 'a call is not kept: too many begin in this room')
      return
    }
    const room = await reads.roomById(tx, roomId)
    const setting = room && (await readSetting(tx, room, opening))
    if (setting === undefined) return
    if (before !== undefined) await this.#supersede(tx, before)
    const empty = newCall(setting, startedTs, legs)
    const state = apply(empty, opening, timings)
    const row = await insertCall(tx, {
      call_id: randomToken(12),
      room_id: roomId,
      caller: setting.caller,
      callee: setting.callee,
      kind: state.kind ?? 'voice',
      outcome: 'ringing',
      started_ts: startedTs,
      ended_ts: null,
      prompt_reason: null,
      note_event_id: null,
      due_ts: null,
      state: JSON.stringify(state),
    })
    await this.#addParty(tx, row, setting.caller)
    if (setting.callee !== null) await this.#addCallee(tx, row, setting.callee)
    await announce.opened(tx, row)
    await this.#update(tx, row, state)
  }

  async #addParty(tx: Tx, row: CallRow, userId: UserId): Promise<boolean> {
    return this.#deps.accounts.isLocalUser(userId) && (await insertParty(tx, userId, row.call_nid))
  }

  /** Whoever ignores the caller does not hear of the call; to the caller it is the same. */
  async #addCallee(tx: Tx, row: CallRow, callee: UserId): Promise<void> {
    const { accounts } = this.#deps
    if (!accounts.isLocalUser(callee)) return
    const ignored = await accounts.accountData.ignoredUsers(tx, callee)
    if (!ignored.has(row.caller)) await this.#addParty(tx, row, callee)
  }

  /** Another call begins in the room: whoever would be asked about this one is calling again, or called back. */
  async #supersede(tx: Tx, row: CallRow): Promise<void> {
    const { timings, clock, announce } = this.#deps
    const state = stateOf(row)
    const verdict = judge(state, timings, Number.POSITIVE_INFINITY)
    const now = clock.now()
    const ended = { ...row, ended_ts: row.ended_ts ?? now, state: null, due_ts: null }
    if (state.decision !== null || !verdict.isCertain) {
      await this.#save(tx, row, ended)
      if (row.ended_ts === null) await announce.ended(tx, ended)
      return
    }
    const settled = { ...ended, outcome: verdict.outcome, ended_ts: Math.min(verdict.endedTs ?? now, now) }
    await this.#save(tx, row, settled)
    await announce.settled(tx, settled)
  }

  async #update(tx: Tx, row: CallRow, known: CallState): Promise<void> {
    const { announce } = this.#deps
    const state = known.decision === null ? await this.#decide(tx, row, known) : known
    if ('due' in state) {
      await this.#save(tx, row, { ...row, kind: kindOf(row, known), due_ts: state.due, state: JSON.stringify(known) })
      return
    }
    const { timings, clock } = this.#deps
    const after = afterlife(state, timings, clock.now())
    const decision = state.decision
    const next: CallRow = {
      ...row,
      kind: kindOf(row, state),
      outcome: decision?.outcome ?? row.outcome,
      prompt_reason: decision?.reason ?? null,
      ended_ts: row.ended_ts ?? after.endedTs ?? decision?.endedTs ?? null,
      due_ts: after.isOver ? null : (after.due ?? null),
      state: after.isOver ? null : JSON.stringify(state),
    }
    await this.#save(tx, row, next)
    if (known.decision === null) await announce.settled(tx, next)
    else if (row.ended_ts === null && next.ended_ts !== null) await announce.ended(tx, next)
  }

  async #decide(tx: Tx, row: CallRow, state: CallState): Promise<CallState | { due: number }> {
    const { timings, clock } = this.#deps
    const now = clock.now()
    const verdict = judge(state, timings, now)
    if (!verdict.isCertain) return { due: verdict.due }
    const { caller, callee } = row
    const isTooMuch = callee !== null && (await wasAskedSince(tx, caller, callee, now - askAgainAfter))
    const reason = isTooMuch ? null : (verdict.reason ?? null)
    return { ...state, decision: { outcome: verdict.outcome, reason, ts: now, endedTs: verdict.endedTs ?? null } }
  }

  async #save(tx: Tx, before: CallRow, row: CallRow): Promise<void> {
    await updateCall(tx, row)
    if (before.due_ts === row.due_ts) return
    const { jobs, clock } = this.#deps
    // The key names the time, too: the job that is being done now holds its own, and is not taken back.
    const key = (ts: number) => `${row.call_nid}:${ts}`
    if (before.due_ts !== null && before.due_ts > clock.now()) await jobs.cancel(tx, judgeJob, key(before.due_ts))
    if (row.due_ts === null) return
    await jobs.enqueue(tx, judgeJob, { callNid: row.call_nid }, { runAt: row.due_ts, key: key(row.due_ts) })
  }
}

/** What this feature has written, and nobody else. */
const stateOf = (row: CallRow) => JSON.parse(row.state ?? '') as CallState

const kindOf = (row: CallRow, state: CallState) => state.kind ?? row.kind
