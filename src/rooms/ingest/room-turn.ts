import type { Tx } from '../../db/database.ts'
import { isActivity } from '../../matrix/activity.ts'
import type { IdentifiedPdu } from '../../matrix/event.ts'
import type { EventId } from '../../matrix/ids.ts'
import type { Log } from '../../util/log.ts'
import type { PersistDeps } from '../persist/deps.ts'
import { type CurrentChange, finishBatch } from '../persist/finish-batch.ts'
import type { RoomPolicies, Unsigned } from '../policy/policies.ts'
import type { RoomView } from '../room-view.ts'
import { updateCurrentNid, updatePlacement } from '../store-events.ts'
import { updateRoomHead } from '../store-rooms.ts'
import type { Extremity, Room, StoredEvent } from '../types.ts'
import { listChanges } from './current-changes.ts'
import { capExtremities, remainingExtremities } from './extremities.ts'
import { judge, type Verdict } from './judge.ts'
import { lookUp, type Surroundings } from './look-up.ts'
import { planRedaction, takeWaitingRedactions } from './redaction-plan.ts'
import type { Resolutions } from './resolutions.ts'
import { insertWaitingRedaction, listPlacesByNid, listWaitingFor, type Place } from './store-places.ts'
import { closeGaps, insertOutlier, placeEvent, stateAfter } from './write-remote.ts'

export interface TurnDeps extends PersistDeps {
  readonly view: RoomView
  readonly resolutions: Resolutions
  readonly log: Log
  readonly policies: Pick<RoomPolicies, 'judge' | 'settle'>
}

export interface Candidate {
  readonly event: IdentifiedPdu
  /** The state before it, as other servers told it, for what comes before it and is not here. */
  readonly claimedNid?: number | undefined
  /** `entry`: the room begins anew with it, at the claimed state. A number: its place in history that is fetched later. */
  readonly place?: 'entry' | number
  /** Whether it is written only where it is accepted. */
  readonly isStrict?: boolean
}

export type Outcome =
  | { readonly kind: 'known'; readonly place: Place }
  | { readonly kind: 'placed'; readonly event: StoredEvent }
  | { readonly kind: 'refused'; readonly reason: string }
  /** Events that have to be fetched first. */
  | { readonly kind: 'missing'; readonly prevs: readonly EventId[]; readonly auths: readonly EventId[] }
  /** States that have to be resolved first. */
  | { readonly kind: 'unresolved'; readonly stateNids: readonly number[] }
  /** The policy server of the room has to be asked first. */
  | { readonly kind: 'unsigned'; readonly unsigned: Unsigned }

export interface Finish {
  /** Those that other servers have to get from us. */
  readonly outgoing?: readonly StoredEvent[]
  /** What an entry makes of the current state: what is to be written, and what has been. */
  readonly changes?: readonly CurrentChange[]
  readonly prepared?: readonly CurrentChange[]
}

const notRecommended: Verdict = { status: 1, reason: 'the policy server of the room does not recommend it' }
const unresolved = (stateNids: readonly number[]): Outcome => ({ kind: 'unresolved', stateNids })

/** Events of other servers that are given their places in one room, in one transaction, each after the one before. */
export class RoomTurn {
  readonly #deps: TurnDeps
  readonly #tx: Tx
  readonly #before: Room
  #room: Room
  readonly #shown: StoredEvent[] = []
  readonly #changes = new Map<string, CurrentChange>()
  readonly #redactions: StoredEvent[] = []

  constructor(deps: TurnDeps, tx: Tx, room: Room) {
    this.#deps = deps
    this.#tx = tx
    this.#before = room
    this.#room = room
  }

  get room(): Room {
    return this.#room
  }

  async place(given: Candidate): Promise<Outcome> {
    const { event, claimedNid, place } = given
    const around = await lookUp(this.#tx, this.#deps.events, this.#room, event)
    if (around.self?.stateNid !== undefined) return { kind: 'known', place: around.self }
    const { missingPrevs: prevs, missingAuths: auths } = around
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

  #resolve(stateNids: readonly number[]): Promise<number | undefined> {
    return this.#deps.resolutions.find(this.#tx, this.#room.nid, stateNids)
  }

  async #judge({ event, place }: Candidate, around: Surroundings, beforeNid: number | undefined): Promise<Verdict> {
    if (around.isForeign) return { status: 2, reason: 'it refers to events of another room' }
    if (around.self?.status === 2) return { status: 2, reason: 'it was rejected before' }
    const currentNid = place === undefined ? this.#room.stateNid : undefined
    const judged = { rules: this.#room.rules, event, authEvents: around.authEvents, create: around.create }
    return judge(this.#tx, this.#deps.view, judged, { beforeNid, currentNid })
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
    return this.#write({ event, nid, ...states, status: 2 }, around)
  }

  async #accept(
    candidate: Candidate,
    around: Surroundings,
    beforeNid: number | undefined,
    { status }: Verdict,
  ): Promise<Outcome> {
    const { event, place } = candidate
    const { pdu, eventId } = event
    const nid = await this.#requireRow(event, around, 0)
    const roomNid = this.#room.nid
    const stateNid = await stateAfter(this.#deps.states, this.#tx, { event, nid, roomNid, beforeNid })
    const movesHead = status === 0 && typeof place !== 'number'
    const ends = movesHead ? await this.#endsWith([nid, eventId, pdu.depth], around, place === 'entry') : undefined
    const endStates = ends && (await this.#statesOf(ends, nid, stateNid))
    const currentNid = endStates && (await this.#resolve(endStates))
    if (endStates && currentNid === undefined) return unresolved(endStates)
    const plan = await planRedaction(this.#tx, this.#deps.view, this.#room, { pdu, beforeNid })
    const streamPos = typeof place === 'number' ? place : await this.#deps.streams.allocate(this.#tx, 1)
    const row = { event, nid, streamPos, beforeNid, stateNid, status: plan.isHidden ? 1 : status } as const
    const outcome = await this.#write(row, around, currentNid)
    if (plan.waitsFor !== undefined) await insertWaitingRedaction(this.#tx, plan.waitsFor, nid)
    if (plan.isCarriedOut && status === 0 && outcome.kind === 'placed') this.#redactions.push(outcome.event)
    if (ends && currentNid !== undefined) await this.#advance(ends, currentNid, row, place === 'entry')
    if (outcome.kind === 'placed') await this.#followWaiting(outcome.event)
    return outcome
  }

  /** The ends of the room once the event is in. */
  async #endsWith(end: Extremity, around: Surroundings, isEntry: boolean): Promise<readonly Extremity[]> {
    if (isEntry) return [end]
    const { events } = this.#deps
    const others = await remainingExtremities(this.#tx, events, this.#room.extremities, around.prevs)
    const followers = await listWaitingFor(this.#tx, end[1])
    if (followers.some(({ status }) => status === 0)) return others
    return capExtremities(this.#tx, events, [...others, end])
  }

  async #statesOf(ends: readonly Extremity[], nid: number, stateNid: number | undefined): Promise<number[]> {
    const others = ends.flatMap(([end]) => (end === nid ? [] : end))
    const places = await listPlacesByNid(this.#tx, others)
    const states = [...places.values()].flatMap((place) => place.stateNid ?? [])
    return stateNid !== undefined && ends.some(([end]) => end === nid) ? [...states, stateNid] : states
  }

  async #write(
    row: Pick<StoredEvent, 'nid' | 'streamPos' | 'beforeNid' | 'stateNid' | 'status'> & { event: IdentifiedPdu },
    around: Surroundings,
    currentNid?: number,
  ): Promise<Outcome> {
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
    if (event.status === 0 && event.streamPos !== undefined) this.#show(event)
    return { kind: 'placed', event }
  }

  #show(event: StoredEvent): void {
    this.#shown.push(event)
    const { streamPos = 0, pdu } = event
    if (streamPos <= 0) return
    const bumpPos = isActivity(pdu.type) ? streamPos : this.#room.bumpPos
    this.#room = { ...this.#room, lastPos: streamPos, bumpPos }
  }

  async #advance(
    extremities: readonly Extremity[],
    stateNid: number,
    row: Pick<StoredEvent, 'streamPos'>,
    isEntry: boolean,
  ): Promise<void> {
    const { streamPos = 0 } = row
    const from = this.#room.stateNid
    const isNew = from !== stateNid && !isEntry
    const changes = isNew ? await listChanges(this.#deps, this.#tx, { from, to: stateNid, streamPos }) : []
    for (const change of changes) this.#changes.set(`${change.type}\0${change.stateKey}`, change)
    const lastPos = changes.length > 0 ? Math.max(this.#room.lastPos, streamPos) : this.#room.lastPos
    this.#room = { ...this.#room, extremities, stateNid, lastPos }
  }

  /** Redactions that came before what they redact are carried out, and shown from now on. */
  async #followWaiting(target: StoredEvent): Promise<void> {
    const tx = this.#tx
    for (const redaction of await takeWaitingRedactions(tx, this.#deps, this.#room, target)) {
      this.#redactions.push(redaction)
      if (redaction.status === 0 || redaction.streamPos === undefined) continue
      const streamPos = redaction.streamPos < 0 ? redaction.streamPos : await this.#deps.streams.allocate(tx, 1)
      const shown = { ...redaction, streamPos, status: 0 } as const
      await updatePlacement(tx, shown)
      this.#deps.events.replaceAfterCommit(tx, shown)
      this.#show(shown)
    }
  }

  /** Writes what follows from all of them together. */
  async finish({ outgoing = [], changes: given = [], prepared = [] }: Finish = {}): Promise<void> {
    const room = this.#room
    if (room !== this.#before) await updateRoomHead(this.#tx, room.nid, room)
    const changes = [...this.#changes.values(), ...given]
    if (this.#shown.length + changes.length + this.#redactions.length === 0) return
    const events = this.#shown.toSorted((a, b) => (a.streamPos ?? 0) - (b.streamPos ?? 0))
    const redactions = this.#redactions
    await finishBatch(this.#deps, this.#tx, { room, events, changes, prepared, outgoing, redactions })
  }
}
