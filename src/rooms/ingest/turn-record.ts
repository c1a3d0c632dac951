import type { Tx } from '../../db/database.ts'
import { isActivity } from '../../matrix/activity.ts'
import type { ServerName } from '../../matrix/ids.ts'
import { stickyDuration } from '../../matrix/sticky.ts'
import { listEnds, writeFurtherEnds } from '../ends.ts'
import type { PersistDeps } from '../persist/deps.ts'
import { type CurrentChange, finishBatch } from '../persist/finish-batch.ts'
import { updateRoomHead } from '../store-rooms.ts'
import type { Room, StoredEvent } from '../types.ts'
import { listChanges } from './current-changes.ts'
import type { ResolvedEnds } from './extremities.ts'

export interface Finish {
  /** Those that other servers have to get from us. */
  readonly outgoing?: readonly StoredEvent[]
  /** What an entry makes of the current state: what is to be written, and what has been. */
  readonly changes?: readonly CurrentChange[]
  readonly prepared?: readonly CurrentChange[]
  /** The servers in a room that is entered without its members. */
  readonly namedServers?: readonly ServerName[] | undefined
}

/** What a turn has made of a room so far, and what follows from that at its end. */
export class TurnRecord {
  readonly #deps: PersistDeps
  readonly #tx: Tx
  readonly #before: Room
  #room: Room
  readonly #shown: StoredEvent[] = []
  readonly #history: StoredEvent[] = []
  readonly #hidden: StoredEvent[] = []
  readonly #changes = new Map<string, CurrentChange>()
  readonly #redactions: StoredEvent[] = []

  constructor(deps: PersistDeps, tx: Tx, room: Room) {
    this.#deps = deps
    this.#tx = tx
    this.#before = room
    this.#room = room
  }

  get room(): Room {
    return this.#room
  }

  /** An event that is news. */
  show(event: StoredEvent): void {
    this.#shown.push(event)
    const { streamPos = 0, pdu } = event
    const bumpPos = isActivity(pdu.type) ? streamPos : this.#room.bumpPos
    this.#room = { ...this.#room, lastPos: streamPos, bumpPos }
  }

  /** An event from before. */
  keep(event: StoredEvent): void {
    this.#history.push(event)
  }

  /** An event that the present state does not allow; it matters where it is sticky. */
  hide(event: StoredEvent): void {
    if (stickyDuration(event.pdu) !== undefined) this.#hidden.push(event)
  }

  carryOut(redaction: StoredEvent): void {
    this.#redactions.push(redaction)
  }

  /** The room has a new head by this event. The caller says what changes with an entry. */
  async advance(head: ResolvedEnds, event: StoredEvent, isEntry: boolean): Promise<void> {
    const { ends, stateNid, citedNid } = head
    const from = this.#room.stateNid
    const isSame = from === stateNid || stateNid === undefined || isEntry
    const changes = isSame ? [] : await this.#listChanges(from, stateNid, event)
    for (const change of changes) this.#changes.set(`${change.type}\0${change.stateKey}`, change)
    const lastPos = changes.length > 0 ? Math.max(this.#room.lastPos, event.streamPos ?? 0) : this.#room.lastPos
    await writeFurtherEnds(this.#tx, this.#room.nid, await listEnds(this.#tx, this.#room), ends)
    this.#room = { ...this.#room, extremities: ends.cited, stateNid, citedNid, lastPos }
  }

  async #listChanges(from: number | undefined, to: number, event: StoredEvent): Promise<readonly CurrentChange[]> {
    const { pdu, beforeNid, stateNid, streamPos = 0 } = event
    const isLinear = beforeNid === from && stateNid === to && pdu.state_key !== undefined
    if (isLinear) return [{ type: pdu.type, stateKey: pdu.state_key ?? '', event, streamPos }]
    return listChanges(this.#deps, this.#tx, { from, to, streamPos })
  }

  /** Writes what follows from all of it together. */
  async finish({ outgoing = [], changes: given = [], prepared = [], namedServers }: Finish = {}): Promise<void> {
    if (namedServers !== undefined) this.#room = { ...this.#room, isPartial: true }
    const room = this.#room
    const [history, hidden, redactions] = [this.#history, this.#hidden, this.#redactions]
    if (room !== this.#before) await updateRoomHead(this.#tx, room.nid, room)
    const changes = [...this.#changes.values(), ...given]
    if (this.#shown.length + history.length + hidden.length + changes.length + redactions.length === 0) return
    const named = namedServers === undefined ? {} : { namedServers }
    const events = this.#shown.toSorted((a, b) => (a.streamPos ?? 0) - (b.streamPos ?? 0))
    await finishBatch(this.#deps, this.#tx, {
      room,
      events,
      history,
      hidden,
      changes,
      prepared,
      outgoing,
      redactions,
      ...named,
    })
  }
}
