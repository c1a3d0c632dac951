/** Rooms of test servers: events of any version, right or wrong on purpose, made by the pure functions of src/matrix. */
import { authEventKeys, checkAuth } from '../../../src/matrix/auth-rules.ts'
import type { AuthVerdict } from '../../../src/matrix/auth-verdict.ts'
import type { EventReference, IdentifiedPdu, JsonObject, Pdu } from '../../../src/matrix/event.ts'
import { eventIdOf, hashAndSign, roomIdOfCreate } from '../../../src/matrix/event-hash.ts'
import { type EventId, type RoomId, type ServerName, serverOf, type UserId } from '../../../src/matrix/ids.ts'
import { getRoomVersionRules, type RoomVersionRules } from '../../../src/matrix/room-versions.ts'
import type { SigningKey } from '../../../src/matrix/signing.ts'
import { stateMapKey } from '../../../src/matrix/state-res.ts'
import { randomString } from '../../../src/util/random.ts'
import { RoomGraph } from './room-graph.ts'

export interface Signer {
  readonly server: ServerName
  readonly key: SigningKey
}

export interface EventOptions {
  /** Present for state events, also when empty. */
  stateKey?: string
  /** Instead of the room's heads. */
  prev?: readonly EventId[]
  /** Instead of those that belong there. */
  auth?: readonly EventId[]
  ts?: number
  redacts?: EventId
  /** Changes the event before it is hashed and signed. */
  change?: (pdu: Pdu) => Pdu
  /** Changes the event afterwards, so that its hash or signature is wrong. */
  tamper?: (pdu: Pdu) => Pdu
}

export class BuiltRoom {
  readonly roomId: RoomId
  readonly rules: RoomVersionRules
  readonly graph: RoomGraph
  readonly #signer: Signer
  #time = Date.now()

  constructor(signer: Signer, rules: RoomVersionRules, roomId: RoomId, graph = new RoomGraph(rules)) {
    this.#signer = signer
    this.rules = rules
    this.roomId = roomId
    this.graph = graph
  }

  /** The event of a type and state key in the room's state. */
  state(type: string, stateKey = ''): IdentifiedPdu | undefined {
    const id = this.graph.current().get(stateMapKey(type, stateKey))
    return id === undefined ? undefined : this.graph.require(id)
  }

  membership(userId: UserId): string | undefined {
    const membership = this.state('m.room.member', userId)?.pdu.content.membership
    return typeof membership === 'string' ? membership : undefined
  }

  /** The servers with somebody in the room. */
  servers(): ServerName[] {
    const found = new Set<ServerName>()
    for (const id of this.graph.current().values()) {
      const { pdu } = this.graph.require(id)
      if (pdu.type === 'm.room.member' && pdu.content.membership === 'join' && pdu.state_key !== undefined)
        found.add(serverOf(pdu.state_key as UserId))
    }
    return [...found]
  }

  /** An event without hashes and signatures, as it stands in answers to `make_join`. */
  draft(sender: UserId, type: string, content: JsonObject, options: EventOptions = {}): Pdu {
    const { stateKey, redacts, ts } = options
    const redaction: JsonObject = redacts !== undefined && this.rules.redactsInContent ? { redacts } : {}
    const prev = options.prev ?? [...this.graph.heads]
    const subject = {
      type,
      sender,
      content: { ...content, ...redaction },
      ...(stateKey !== undefined && { state_key: stateKey }),
    }
    const depth = 1 + Math.max(0, ...prev.map((id) => this.graph.events.get(id)?.pdu.depth ?? 0))
    this.#time = Math.max(this.#time + 1, Date.now())
    const unauthorised: Pdu = {
      ...subject,
      room_id: this.roomId,
      origin_server_ts: ts ?? this.#time,
      depth,
      prev_events: this.references(prev),
      auth_events: [],
      ...(this.rules.eventIdFormat === 'v1' && { event_id: `$${randomString(18)}:${this.#signer.server}` as EventId }),
      ...(redacts !== undefined && !this.rules.redactsInContent && { redacts }),
    }
    return { ...unauthorised, auth_events: this.references(options.auth ?? this.#authEvents(unauthorised)) }
  }

  #authEvents(pdu: Pdu): EventId[] {
    const state = this.graph.stateBefore(pdu)
    return authEventKeys(pdu, this.rules).flatMap(([type, key]) => state.get(stateMapKey(type, key)) ?? [])
  }

  references(ids: readonly EventId[]): EventReference[] {
    if (this.rules.eventIdFormat !== 'v1') return [...ids]
    return ids.map((id) => [id, { sha256: this.graph.events.get(id)?.pdu.hashes?.sha256 ?? '' }])
  }

  /** A signed event that is not in the room yet, whether or not it is allowed. */
  build(sender: UserId, type: string, content: JsonObject, options: EventOptions = {}): IdentifiedPdu {
    const draft = this.draft(sender, type, content, options)
    const built = this.sign(options.change?.(draft) ?? draft)
    if (options.tamper === undefined) return built
    const pdu = options.tamper(structuredClone(built.pdu))
    return { eventId: eventIdOf(pdu, this.rules), pdu }
  }

  sign(pdu: Pdu): IdentifiedPdu {
    return hashAndSign(pdu, this.rules, this.#signer.server, this.#signer.key)
  }

  /** Builds an event and adds it; throws where the rules don't allow it. */
  append(sender: UserId, type: string, content: JsonObject, options: EventOptions = {}): IdentifiedPdu {
    const event = this.build(sender, type, content, options)
    const verdict = this.check(event.pdu)
    if (!verdict.allowed) throw new Error(`${type} is not allowed: ${verdict.reason}`)
    this.graph.add(event)
    return event
  }

  message(sender: UserId, body: string, options: EventOptions = {}): IdentifiedPdu {
    return this.append(sender, 'm.room.message', { msgtype: 'm.text', body }, options)
  }

  member(sender: UserId, membership: string, target = sender, options: EventOptions & { content?: JsonObject } = {}) {
    const content = { membership, ...options.content }
    return this.append(sender, 'm.room.member', content, { stateKey: target, ...options })
  }

  /** Whether the state before an event allows it. */
  check(pdu: Pdu): AuthVerdict {
    const state = this.graph.stateBefore(pdu)
    return checkAuth(this.rules, pdu, (type, stateKey) => {
      const id = state.get(stateMapKey(type, stateKey))
      return id === undefined ? undefined : this.graph.require(id).pdu
    })
  }
}

export interface RoomOptions {
  version?: string
  joinRule?: string
  /** The content of the join rules, where there is more to it than `joinRule`. */
  joinRules?: JsonObject
  historyVisibility?: string
  powerLevels?: JsonObject
  createContent?: JsonObject
}

/** A room with its creator in it; anybody may join it unless told otherwise. */
export function buildRoom(signer: Signer, creator: UserId, options: RoomOptions = {}): BuiltRoom {
  const rules = requireRules(options.version ?? '12')
  const givenId = `!${randomString(18)}:${signer.server}` as RoomId
  const create = createEvent(signer, rules, creator, givenId, options.createContent ?? {})
  const room = new BuiltRoom(signer, rules, rules.roomIdIsCreateHash ? roomIdOfCreate(create.eventId) : givenId)
  room.graph.add(create)
  room.member(creator, 'join')
  const state = (type: string, content: JsonObject) => room.append(creator, type, content, { stateKey: '' })
  const users = rules.roomIdIsCreateHash ? {} : { [creator]: 100 }
  state('m.room.power_levels', { users, ...options.powerLevels })
  state('m.room.join_rules', options.joinRules ?? { join_rule: options.joinRule ?? 'public' })
  state('m.room.history_visibility', { history_visibility: options.historyVisibility ?? 'shared' })
  return room
}

function createEvent(
  { server, key }: Signer,
  rules: RoomVersionRules,
  creator: UserId,
  roomId: RoomId,
  content: JsonObject,
): IdentifiedPdu {
  const pdu: Pdu = {
    type: 'm.room.create',
    state_key: '',
    sender: creator,
    content: { room_version: rules.version, ...(rules.creatorInContent && { creator }), ...content },
    origin_server_ts: Date.now(),
    depth: 1,
    prev_events: [],
    auth_events: [],
    ...(!rules.roomIdIsCreateHash && { room_id: roomId }),
    ...(rules.eventIdFormat === 'v1' && { event_id: `$${randomString(18)}:${server}` as EventId }),
  }
  return hashAndSign(pdu, rules, server, key)
}

export function requireRules(version: string): RoomVersionRules {
  const rules = getRoomVersionRules(version)
  if (rules === undefined) throw new Error(`no room version ${version}`)
  return rules
}
