import type { Tx } from '../../db/database.ts'
import type { IdentifiedPdu } from '../../matrix/event.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'
import type { Log } from '../../util/log.ts'
import type { Ends } from '../ends.ts'
import { getPartialRoom } from '../partial/store-partial.ts'
import type { PersistDeps } from '../persist/deps.ts'
import type { RoomPolicies, Unsigned } from '../policy/policies.ts'
import type { RoomView } from '../room-view.ts'
import { updateCurrentNid, updatePlacement } from '../store-events.ts'
import type { Room, StoredEvent } from '../types.ts'
import { endsWith, resolveEnds } from './extremities.ts'
import { judge, type Verdict } from './judge.ts'
import { lookUp, type Surroundings } from './look-up.ts'
import type { Candidate, Outcome } from './outcomes.ts'
import { takePosition } from './positions.ts'
import { planRedaction, takeWaitingRedactions } from './redaction-plan.ts'
import type { Resolutions } from './resolutions.ts'
import { insertWaitingRedaction } from './store-places.ts'
import { type Finish, TurnRecord } from './turn-record.ts'
import { closeGaps, insertOutlier, placeEvent, stateAfter } from './write-remote.ts'

export interface TurnDeps extends PersistDeps {
  readonly view: RoomView
  readonly resolutions: Resolutions
  readonly log: Log
  readonly policies: Pick<RoomPolicies, 'judge' | 'settle'>
}

const notRecommended: Verdict = { status: 1, reason: 'the policy server of the room does not recommend it' }
const tooManyEnds = { status: 1, reason: 'its server has made too many ends of the room' } as const
const unresolved = (stateNids: readonly number[]): Outcome => ({ kind: 'unresolved', stateNids })

/** Events of other servers that are given their places in one room, in one transaction, each after the one before. */
export class RoomTurn {
  readonly #deps: TurnDeps
  readonly #tx: Tx
  readonly #record: TurnRecord

  constructor(deps: TurnDeps, tx: Tx, room: Room) {
    this.#deps = deps
    this.#tx = tx
    this.#record = new TurnRecord(deps, tx, room)
  }

  get #room(): Room {
    return this.#record.room
  }

  get rules(): RoomVersionRules {
    return this.#room.rules
  }

  /** Writes what follows from all of them together. */
  finish(how?: Finish): Promise<void> {
    return this.#record.finish(how)
  }

  async place(given: Candidate): Promise<Outcome> {
    const { event, place } = given
    const around = await lookUp(this.#tx, this.#deps.events, this.#room, event)
    if (around.self?.stateNid !== undefined) return { kind: 'known', place: around.self }
    const { missingPrevs: prevs, missingAuths: auths } = around
    const isRough = given.isRough === true && prevs.length > 0
    const claimedNid = isRough ? await this.#roughNid() : given.claimedNid
    if (auths.length > 0 || (prevs.length > 0 && claimedNid === undefined)) return { kind: 'missing', prevs, auths }
    const known = place === 'entry' ? [] : around.prevs.flatMap(({ stateNid }) => stateNid ?? [])
    const states = claimedNid === undefined ? known : [...known, claimedNid]
    const beforeNid = await this.#resolve(states)
    if (beforeNid === undefined && states.length > 0) return unresolved(states)
    const judged = await this.#judge(given, around, beforeNid)
    const policed = judged.status === 0 && place === undefined ? await this.#askPolicy(event) : event
    if (policed !== 'refused' && 'policy' in policed) return { kind: 'unsigned', unsigned: policed }
    const verdict = policed === 'refused' ? notRecommended : judged
    const candidate = policed === 'refused' ? given : { ...given, event: policed }
    if (verdict.reason !== undefined) this.#report(event, verdict)
    if (candidate.isStrict && verdict.reason !== undefined) return { kind: 'refused', reason: verdict.reason }
    if (verdict.status === 2) return this.#reject(event, around, beforeNid)
    return this.#accept(candidate, around, beforeNid, verdict)
  }

  /** What stands for a state that is not known; undefined once the room lacks nothing. */
  async #roughNid(): Promise<number | undefined> {
    return this.#room.isPartial ? (await getPartialRoom(this.#tx, this.#room.nid))?.baseNid : undefined
  }

  #resolve(stateNids: readonly number[]): Promise<number | undefined> {
    return this.#deps.resolutions.find(this.#tx, this.#room.nid, stateNids)
  }

  async #judge(
    { event, place, isPartial = this.#room.isPartial }: Candidate,
    around: Surroundings,
    beforeNid: number | undefined,
  ): Promise<Verdict> {
    if (around.isForeign) return { status: 2, reason: 'it refers to events of another room' }
    if (around.self?.status === 2) return { status: 2, reason: 'it was rejected before' }
    const currentNid = place === undefined ? this.#room.stateNid : undefined
    const judged = { rules: this.#room.rules, event, authEvents: around.authEvents, create: around.create }
    return judge(this.#tx, this.#deps.view, judged, { beforeNid, currentNid, isPartial })
  }

  #askPolicy(event: IdentifiedPdu): Promise<IdentifiedPdu | 'refused' | Unsigned> {
    return this.#deps.policies.judge(this.#tx, this.#room, event)
  }

  #report({ eventId, pdu }: IdentifiedPdu, { status, reason }: Verdict): void {
    const what = { eventId, roomId: this.#room.roomId, sender: pdu.sender, type: pdu.type, reason }
    this.#deps.log.info(what, status === 2 ? 'rejected an event' : 'an event is kept but not shown')
  }

  async #requireRow(event: IdentifiedPdu, around: Surroundings, status: 0 | 2): Promise<number> {
    return around.self?.nid ?? insertOutlier(this.#deps.states, this.#tx, this.#room.nid, event, status)
  }

  async #reject(event: IdentifiedPdu, around: Surroundings, beforeNid: number | undefined): Promise<Outcome> {
    const nid = await this.#requireRow(event, around, 2)
    const states = { streamPos: undefined, beforeNid, stateNid: beforeNid }
    return { kind: 'placed', event: await this.#write({ event, nid, ...states, status: 2 }, around) }
  }

  async #accept(
    candidate: Candidate,
    around: Surroundings,
    beforeNid: number | undefined,
    verdict: Verdict,
  ): Promise<Outcome> {
    const { event, place } = candidate
    const { pdu, eventId } = event
    const nid = await this.#requireRow(event, around, 0)
    const roomNid = this.#room.nid
    const stateNid = await stateAfter(this.#deps.states, this.#tx, { event, nid, roomNid, beforeNid })
    const movesHead = verdict.status === 0 && typeof place !== 'number'
    const { sender, depth } = pdu
    const made = { nid, eventId, sender, depth, stateNid, prevs: around.prevs, isEntry: place === 'entry' }
    const ends = movesHead ? await endsWith(this.#tx, this.#deps.events, this.#room, made) : undefined
    if (ends === 'full') this.#report(event, tooManyEnds)
    if (ends === 'full' && candidate.isStrict) return { kind: 'refused', reason: tooManyEnds.reason }
    const { status } = ends === 'full' ? tooManyEnds : verdict
    const endStates = ends === 'full' ? undefined : ends && (await this.#resolveEnds(ends, made))
    if (endStates?.unresolved !== undefined) return unresolved(endStates.unresolved)
    const currentNid = endStates?.stateNid
    const plan = await planRedaction(this.#tx, this.#deps.view, this.#room, { pdu, beforeNid })
    const streamPos =
      typeof place === 'number'
        ? place
        : await takePosition(this.#tx, this.#deps.streams, this.#room, around.missingPrevs.length > 0)
    const row = { event, nid, streamPos, beforeNid, stateNid, status: plan.isHidden ? 1 : status } as const
    const placed = await this.#write(row, around, currentNid)
    if (placed.status === 0 && typeof place === 'number') this.#record.keep(placed)
    else if (placed.status === 0) this.#record.show(placed)
    else if (status === 1 && verdict !== notRecommended) this.#record.hide(placed)
    if (plan.waitsFor !== undefined) await insertWaitingRedaction(this.#tx, plan.waitsFor, nid)
    if (plan.isCarriedOut && status === 0) this.#record.carryOut(placed)
    if (endStates) await this.#record.advance(endStates, placed, place === 'entry')
    await this.#followWaiting(placed)
    return { kind: 'placed', event: placed }
  }

  #resolveEnds(ends: Ends, made: Pick<StoredEvent, 'nid' | 'stateNid'>) {
    const stateOf = (nid: number) => (nid === made.nid ? made.stateNid : undefined)
    return resolveEnds(this.#deps.resolutions, this.#tx, this.#room.nid, ends, stateOf)
  }

  async #write(
    row: Pick<StoredEvent, 'nid' | 'streamPos' | 'beforeNid' | 'stateNid' | 'status'> & { event: IdentifiedPdu },
    around: Surroundings,
    currentNid?: number,
  ): Promise<StoredEvent> {
    const tx = this.#tx
    const { events } = this.#deps
    const existing = around.self && (await events.get(tx, row.nid))
    const isFixed = existing?.redactedBy !== undefined || this.#room.rules.eventIdFormat === 'v1'
    const placed = await placeEvent(tx, {
      ...row,
      event: existing !== undefined && isFixed ? existing : row.event,
      redactedBy: existing?.redactedBy,
      roomNid: this.#room.nid,
      prevs: around.prevs,
      missing: around.missingPrevs,
    })
    const isOther = currentNid !== undefined && currentNid !== row.stateNid
    if (isOther) await updateCurrentNid(tx, row.nid, currentNid)
    await closeGaps(tx, placed)
    const event = isOther ? { ...placed, currentNid } : placed
    events.replaceAfterCommit(tx, event)
    return event
  }

  /** Redactions that came before what they redact are carried out, and shown from now on. */
  async #followWaiting(target: StoredEvent): Promise<void> {
    const tx = this.#tx
    for (const redaction of await takeWaitingRedactions(tx, this.#deps, this.#room, target)) {
      this.#record.carryOut(redaction)
      if (redaction.status === 0 || redaction.streamPos === undefined) continue
      const streamPos = await this.#deps.streams.allocate(tx, 1)
      const shown = { ...redaction, streamPos, status: 0 } as const
      await updatePlacement(tx, shown)
      this.#deps.events.replaceAfterCommit(tx, shown)
      this.#record.show(shown)
    }
  }
}
