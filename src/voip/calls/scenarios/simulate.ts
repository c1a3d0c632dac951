import type { JsonObject } from '../../../matrix/event.ts'
import type { UserId } from '../../../matrix/ids.ts'
import { afterlife } from '../kernel/afterlife.ts'
import { apply } from '../kernel/apply.ts'
import { type CallState, newCall, type Setting, type Timings } from '../kernel/call-state.ts'
import type { Evidence } from '../kernel/evidence.ts'
import { judge } from '../kernel/judge.ts'
import { reveal } from '../kernel/reveal.ts'
import { routeOf } from '../kernel/route.ts'
import { readDelayed } from '../wire/delayed.ts'
import { observe } from '../wire/observe.ts'
import { readParticipant } from '../wire/participants.ts'
import type { SeenEvent } from '../wire/seen-event.ts'
import { fill, sealed } from './fill.ts'
import type { Scenario, Step } from './scenario.ts'

export const usualTimings: Timings = {
  localGrace: 3_000,
  remoteGrace: 10_000,
  cancelAfter: 5_000,
  rejoinWindow: 10_000,
  closeSlack: 15_000,
  answerMin: 2_000,
}

export interface Decided {
  readonly caller: string
  readonly outcome: string
  readonly prompt: string | undefined
  /** When it was certain, in ms since the beginning. */
  readonly at: number
}

export const userOf = (name: string) => `@${name}:example.org` as UserId
const roomId = '!room:example.org'

export function settingOf(scenario: Scenario, caller: UserId, opening: Evidence): Setting {
  const isPair = !scenario.isGroup
  const invitee = opening.what === 'invite' ? opening.invitee : undefined
  const callee = caller === userOf('alice') ? userOf('bob') : userOf('alice')
  return {
    caller,
    callee: isPair || invitee === callee ? callee : null,
    services: [],
    isRemote: scenario.isRemote ?? false,
    isEligible: isPair && !scenario.isPublic,
    isDirect: scenario.isDirect ?? false,
    isCalleeBusy: false,
  }
}

/** One room in memory, in which time is moved by hand: what the ledger does, without a database. */
export class Simulation {
  readonly decided: Decided[] = []
  opened = 0
  readonly #settingOf: (caller: UserId, evidence: Evidence) => Setting
  readonly #timings: Timings
  #live: { state: CallState; hasEnded: boolean } | undefined
  #asked: { caller: string; ts: number }[] = []

  constructor(settings: (caller: UserId, evidence: Evidence) => Setting, timings = usualTimings) {
    this.#settingOf = settings
    this.#timings = timings
  }

  record(seen: Evidence, now: number): void {
    const evidence = this.#live ? reveal(this.#live.state, seen) : seen
    const route = routeOf(this.#live, evidence, this.#timings)
    if (route.to === 'nothing') return
    if (route.to === 'new') {
      const before = this.#live?.state
      if (before?.decision === null) this.#decide(before, Number.POSITIVE_INFINITY, now, true)
      const state = newCall(this.#settingOf(route.opening.by, evidence), now, route.legs)
      this.opened += 1
      this.#live = { state: apply(state, evidence, this.#timings), hasEnded: false }
    } else if (this.#live) {
      this.#live = { ...this.#live, state: apply(this.#live.state, evidence, this.#timings) }
    }
    this.look(now)
  }

  /** Decides what can be decided now. Returns when to look again. */
  look(now: number): number | undefined {
    if (this.#live === undefined) return undefined
    const { state } = this.#live
    const verdict = state.decision === null ? this.#decide(state, now, now, false) : undefined
    if (verdict?.isCertain === false) return verdict.due
    const after = afterlife(this.#live.state, this.#timings, now)
    if (after.endedTs !== undefined || verdict?.endedTs !== undefined) this.#live.hasEnded = true
    if (after.isOver) this.#live = undefined
    return after.due
  }

  #decide(state: CallState, seen: number, now: number, isSuppressed: boolean) {
    const verdict = judge(state, this.#timings, seen)
    if (!verdict.isCertain) return verdict
    const { caller } = state
    const isTooMuch = this.#asked.some((asked) => asked.caller === caller && asked.ts > now - 120_000)
    const prompt = isSuppressed || isTooMuch ? undefined : verdict.reason
    if (prompt !== undefined) this.#asked.push({ caller, ts: verdict.endedTs ?? now })
    this.decided.push({ caller, outcome: verdict.outcome, prompt, at: now })
    const { outcome, endedTs = null } = verdict
    const decision = { outcome, reason: prompt ?? null, ts: now, endedTs }
    if (this.#live) this.#live = { ...this.#live, state: { ...state, decision } }
    return verdict
  }
}

/** Turns what clients do into evidence, as the server sees it. */
export function createWitness(scenario: Scenario) {
  const ids = new Map<string, string>()
  const stood = new Map<string, SeenEvent>()
  let count = 0

  return (step: Step, now: number): Evidence | undefined => {
    count += 1
    const { does } = step
    const eventId = `$event${count}`
    if (step.name !== undefined) ids.set(step.name, eventId)
    const sender = userOf(step.who)
    const filled = (content: JsonObject) => fill(content, ids, userOf)
    const ts = now - (step.late ?? 0) * 1000
    if ('redacts' in does) return { what: 'redacted', eventId: ids.get(does.redacts.slice(1)) ?? '', ts: now }
    if ('sfu' in does)
      return readParticipant({ roomId, userId: sender, deviceId: does.device, what: does.sfu, ts: now })
    if ('delayed' in does) {
      const { type, key, delayed: what, content } = does
      const stateKey = key && fill(key, ids, userOf)
      return readDelayed({
        roomId,
        userId: sender,
        type,
        ...(stateKey && { stateKey }),
        content: filled(content),
        what,
        ts,
      })
    }
    if ('sets' in does) {
      const key = fill(does.key, ids, userOf)
      const pdu = { type: does.sets, sender, content: filled(does.content), state_key: key }
      const before = stood.get(key)
      stood.set(key, { eventId, pdu, ts })
      return observe({ eventId, pdu, ts }, before, now)
    }
    const shown = { type: does.sends, content: filled(does.content) }
    const pdu = { sender, ...(scenario.isEncrypted ? sealed(shown) : shown) }
    const sticky = does.isSticky ? { msc4354_sticky: { duration_ms: 3_600_000 } } : {}
    return observe({ eventId, pdu: { ...pdu, ...sticky }, ts }, undefined, now)
  }
}

/** Plays a scenario to its end, and returns what was decided about each call. */
export function simulate(scenario: Scenario): Decided[] {
  const room = new Simulation((caller, opening) => settingOf(scenario, caller, opening))
  const witness = createWitness(scenario)
  const start = 1_700_000_000_000
  const lookUntil = (until: number, from: number) => {
    for (let due = room.look(from); due !== undefined && due <= until; due = room.look(due));
  }
  let now = start
  for (const step of scenario.steps) {
    const at = start + Math.round(step.at * 1000)
    lookUntil(at, now)
    now = at
    const evidence = witness(step, now)
    if (evidence !== undefined) room.record(evidence, now)
  }
  lookUntil(now + 86_400_000, now)
  return room.decided.map((one) => ({ ...one, at: one.at - start }))
}
