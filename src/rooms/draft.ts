import type { Reader, Tx } from '../db/database.ts'
import { type AuthState, authEventKeys, authStateKeys, checkAuth } from '../matrix/auth-rules.ts'
import { errors } from '../matrix/errors.ts'
import type { EventReference, IdentifiedPdu, JsonObject, Pdu } from '../matrix/event.ts'
import { hashAndSign, roomIdOfCreate } from '../matrix/event-hash.ts'
import { checkEventSize } from '../matrix/event-size.ts'
import type { EventId, RoomId, ServerName } from '../matrix/ids.ts'
import type { RoomVersionRules } from '../matrix/room-versions.ts'
import type { SigningKey } from '../matrix/signing.ts'
import type { Clock } from '../util/clock.ts'
import { randomString } from '../util/random.ts'
import type { EventCache } from './event-cache.ts'
import type { DraftEvent, EventTemplate } from './event-template.ts'
import type { States } from './states.ts'
import type { Room, StoredEvent } from './types.ts'

export interface DraftDeps {
  readonly states: States
  readonly events: EventCache
  /** The time of a create event, in ms: no two rooms have the same. */
  readonly creationTime: () => number
  readonly clock: Clock
  readonly serverName: ServerName
  readonly signingKey: SigningKey
}

/** Something to write together with the events, after them. Throwing refuses the whole write. */
export type AlsoWrite = (tx: Tx, room: Room) => Promise<void>

interface Head {
  readonly prev: readonly IdentifiedReference[]
  readonly depth: number
}
type IdentifiedReference = { readonly eventId: EventId; readonly sha256: string | undefined }

const stateName = (type: string, stateKey: string) => `${type}\0${stateKey}`

/**
 * New events of one room, built on each other before anything is written: each is checked against the state that the
 * ones before it leave. What a failed task appended is taken back with `rollback`.
 */
export class RoomDraft {
  readonly reader: Reader
  readonly rules: RoomVersionRules
  /** Undefined while the room is being created. */
  readonly room: Room | undefined
  readonly events: DraftEvent[] = []
  readonly works: AlsoWrite[] = []
  readonly #deps: DraftDeps
  /** What has been read of the state before the draft. */
  readonly #base = new Map<string, StoredEvent | undefined>()
  readonly #changed = new Map<string, IdentifiedPdu>()
  #undo: { name: string; before: IdentifiedPdu | undefined }[] = []
  #roomId: RoomId | undefined
  #head: Head
  #checkpoint: { events: number; works: number; head: Head }

  constructor(deps: DraftDeps, reader: Reader, rules: RoomVersionRules, room: Room | undefined, head: Head) {
    this.#deps = deps
    this.reader = reader
    this.rules = rules
    this.room = room
    this.#roomId = room?.roomId
    this.#head = head
    this.#checkpoint = { events: 0, works: 0, head }
  }

  /** The room's id; in version 12 it is known once the create event is there. */
  get roomId(): RoomId {
    if (this.#roomId === undefined) throw new Error('the room has no create event yet')
    return this.#roomId
  }

  /** The state on which the draft's events build, as they leave it. */
  async state(type: string, stateKey: string): Promise<IdentifiedPdu | undefined> {
    return this.#changed.get(stateName(type, stateKey)) ?? (await this.#committed(type, stateKey))
  }

  async #committed(type: string, stateKey: string): Promise<StoredEvent | undefined> {
    const stateNid = this.room?.citedNid ?? this.room?.stateNid
    if (stateNid === undefined) return undefined
    const name = stateName(type, stateKey)
    if (this.#base.has(name)) return this.#base.get(name)
    const event = await this.#load(stateNid, type, stateKey)
    this.#base.set(name, event)
    return event
  }

  async #load(stateNid: number, type: string, stateKey: string): Promise<StoredEvent | undefined> {
    const { states, events } = this.#deps
    const keyNid = await states.keyNid(this.reader, type, stateKey)
    if (keyNid === undefined) return undefined
    const eventNid = await states.lookup(this.reader, stateNid, keyNid)
    return eventNid === undefined ? undefined : events.get(this.reader, eventNid)
  }

  /** A synchronous view of these state entries, for the pure rules. */
  async stateView(keys: readonly (readonly [string, string])[]): Promise<AuthState> {
    const view = new Map<string, Pdu>()
    for (const [type, stateKey] of keys) {
      const event = await this.state(type, stateKey)
      if (event !== undefined) view.set(stateName(type, stateKey), event.pdu)
    }
    return (type, stateKey) => view.get(stateName(type, stateKey))
  }

  /** Throws `403 M_FORBIDDEN` where `append` would, and writes nothing. */
  async check(template: EventTemplate): Promise<void> {
    await this.propose(template)
  }

  /** The event that `append` would sign, for somebody else to complete. Throws `403 M_FORBIDDEN` with the rule's reason. */
  async propose(template: EventTemplate): Promise<Pdu> {
    const pdu = await this.#build(template)
    await this.#authorise(pdu)
    return pdu
  }

  async #authorise(pdu: Pdu): Promise<void> {
    const keys = authStateKeys(pdu, this.rules)
    this.#requireAllowed(pdu, await this.stateView(keys))
    const room = this.room
    if (room?.citedNid !== undefined) this.#requireAllowed(pdu, await this.#presentView(keys, room.stateNid))
  }

  #requireAllowed(pdu: Pdu, view: AuthState): void {
    const verdict = checkAuth(this.rules, pdu, view)
    if (!verdict.allowed) throw errors.forbidden(verdict.reason)
  }

  /** Where the room has ends that the draft does not follow: what those say, too. */
  async #presentView(keys: readonly (readonly [string, string])[], stateNid: number | undefined): Promise<AuthState> {
    const view = new Map<string, Pdu>()
    for (const [type, stateKey] of keys) {
      const name = stateName(type, stateKey)
      const changed = this.#changed.get(name)
      const event = changed ?? (stateNid === undefined ? undefined : await this.#load(stateNid, type, stateKey))
      if (event !== undefined) view.set(name, event.pdu)
    }
    return (type, stateKey) => view.get(stateName(type, stateKey))
  }

  /** Has something written together with the events of this draft. */
  alsoWrite(work: AlsoWrite): void {
    this.works.push(work)
  }

  /** Builds, signs and authorises one event. Throws `403 M_FORBIDDEN` with the rule's reason, `413 M_TOO_LARGE`. */
  async append(template: EventTemplate): Promise<DraftEvent> {
    const { rules } = this
    const pdu = await this.propose(template)
    const signed = hashAndSign(pdu, rules, this.#deps.serverName, this.#deps.signingKey)
    const size = checkEventSize(signed.pdu, rules)
    if (!size.fits) throw errors.tooLarge(size.reason)
    if (template.type === 'm.room.create' && rules.roomIdIsCreateHash) this.#roomId = roomIdOfCreate(signed.eventId)
    const event: DraftEvent = { ...signed, transaction: template.transaction }
    this.#push(event)
    return event
  }

  #push(event: DraftEvent): void {
    this.events.push(event)
    const sha256 = event.pdu.hashes?.sha256
    this.#head = { prev: [{ eventId: event.eventId, sha256 }], depth: event.pdu.depth }
    const { type, state_key: stateKey } = event.pdu
    if (stateKey === undefined) return
    const name = stateName(type, stateKey)
    this.#undo.push({ name, before: this.#changed.get(name) })
    this.#changed.set(name, event)
  }

  async #build(template: EventTemplate): Promise<Pdu> {
    const { rules } = this
    const { type, sender, content, stateKey, redacts, sticky } = template
    const isCreate = type === 'm.room.create'
    if (isCreate && !rules.roomIdIsCreateHash) {
      this.#roomId = `!${randomString(18)}:${this.#deps.serverName}` as RoomId
    }
    const redaction: JsonObject = redacts !== undefined && rules.redactsInContent ? { redacts } : {}
    const subject = { type, sender, content: { ...content, ...redaction }, state_key: stateKey }
    const authEvents: IdentifiedReference[] = []
    for (const [authType, authKey] of authEventKeys(subject, rules)) {
      const event = await this.state(authType, authKey)
      if (event !== undefined) authEvents.push({ eventId: event.eventId, sha256: event.pdu.hashes?.sha256 })
    }
    return {
      ...(rules.eventIdFormat === 'v1' ? { event_id: this.#newEventId() } : {}),
      type,
      sender,
      content: subject.content,
      origin_server_ts: template.originServerTs ?? (isCreate ? this.#deps.creationTime() : this.#deps.clock.now()),
      depth: Math.min(this.#head.depth + 1, Number.MAX_SAFE_INTEGER),
      prev_events: this.#references(this.#head.prev),
      auth_events: this.#references(authEvents),
      ...(isCreate && rules.roomIdIsCreateHash ? {} : { room_id: this.roomId }),
      ...(stateKey === undefined ? {} : { state_key: stateKey }),
      ...(redacts === undefined || rules.redactsInContent ? {} : { redacts }),
      ...(sticky === undefined ? {} : { [sticky.key]: { duration_ms: sticky.durationMs } }),
    }
  }

  #newEventId(): EventId {
    return `$${randomString(24)}:${this.#deps.serverName}` as EventId
  }

  #references(references: readonly IdentifiedReference[]): EventReference[] {
    return references.map(({ eventId, sha256 }) =>
      this.rules.eventIdFormat === 'v1' ? [eventId, { sha256: sha256 ?? '' }] : eventId,
    )
  }

  /** From here on `rollback` takes back what follows. */
  begin(): void {
    this.#checkpoint = { events: this.events.length, works: this.works.length, head: this.#head }
    this.#undo = []
  }

  rollback(): void {
    this.events.length = this.#checkpoint.events
    this.works.length = this.#checkpoint.works
    this.#head = this.#checkpoint.head
    for (const { name, before } of this.#undo.reverse()) {
      if (before === undefined) this.#changed.delete(name)
      else this.#changed.set(name, before)
    }
    this.#undo = []
  }
}
