/** A small Matrix server for tests: honest unless a test gives it handlers or events that are not. */
import type { IdentifiedPdu, Json, JsonObject, Pdu } from '../../../src/matrix/event.ts'
import { eventIdOf, hashAndSign } from '../../../src/matrix/event-hash.ts'
import {
  type EventId,
  isServerName,
  makeUserId,
  type RoomId,
  type ServerName,
  type UserId,
} from '../../../src/matrix/ids.ts'
import type { RoomVersionRules } from '../../../src/matrix/room-versions.ts'
import { generateSigningKeyText, parseSigningKeys } from '../../../src/matrix/signing.ts'
import { randomString } from '../../../src/util/random.ts'
import { freePort } from '../program.ts'
import { type PeerRequestOptions, type PeerResponse, sendAsPeer } from './peer-client.ts'
import { serveHistory } from './peer-history.ts'
import { listenPeer, type PeerAnswer, type PeerHandler, type PeerListener, type PeerRequest } from './peer-http.ts'
import { keyDocument, PeerKeys } from './peer-keys.ts'
import { serveMembership } from './peer-membership.ts'
import { PeerRouter, refusal } from './peer-router.ts'
import { type BuiltRoom, buildRoom, type RoomOptions, type Signer } from './room-builder.ts'

/** Long enough for a busy machine; nothing waits that long where all is well. */
const patienceMs = 15_000

export interface Edu {
  readonly edu_type: string
  readonly content: JsonObject
}

export class Peer implements AsyncDisposable {
  readonly signer: Signer
  readonly serverName: ServerName
  readonly keys: PeerKeys
  readonly rooms = new Map<RoomId, BuiltRoom>()
  /** Every request that came, in order. */
  readonly requests: PeerRequest[] = []
  /** What came in transactions, in order. */
  readonly pdus: Pdu[] = []
  readonly edus: Edu[] = []
  /** Transactions that came, by id; the same id twice is one. */
  readonly transactions = new Set<string>()
  /** Invitations of users of this server, signed by it, with what was said of the room. */
  readonly invites: { readonly event: IdentifiedPdu; readonly roomState: readonly JsonObject[] }[] = []
  /** What the other servers did wrong: bad signatures, events that their rooms don't allow. */
  readonly faults: string[] = []
  /** Whether answers of other servers are held against the specification; not those of programs that are not ours. */
  isStrict = true
  /** Whether members are left out of answers to joins that allow it. */
  omitsMembers = false
  readonly #router = new PeerRouter()
  #watchers: (() => void)[] = []
  #listener: PeerListener | undefined

  constructor(signer: Signer) {
    this.signer = signer
    this.serverName = signer.server
    this.keys = new PeerKeys(signer)
    this.on('GET', '/_matrix/key/v2/server', () => ({ body: keyDocument(signer) }))
    this.on('GET', '/_matrix/federation/v1/version', () => ({ body: { server: { name: 'test', version: '1' } } }))
    this.on('PUT', '/_matrix/federation/v1/send/:txnId', (request) => this.#receive(request))
    serveMembership(this)
    serveHistory(this)
  }

  /** Answers these requests otherwise than an honest server; the answer takes the handler away again. */
  on(method: string, pattern: string, handler: PeerHandler): () => void {
    return this.#router.on(method, pattern, handler)
  }

  /** What an honest server answers, for handlers that bend it. */
  async honestly(request: PeerRequest): Promise<PeerAnswer | undefined> {
    return this.#router.answer(request, true)
  }

  user(localpart: string): UserId {
    return makeUserId(localpart, this.serverName)
  }

  /** A room with its creator in it. */
  createRoom(creator: UserId, options: RoomOptions = {}): BuiltRoom {
    const room = buildRoom(this.signer, creator, options)
    this.rooms.set(room.roomId, room)
    return room
  }

  request(destination: ServerName, method: string, path: string, options?: PeerRequestOptions): Promise<PeerResponse> {
    return sendAsPeer(this.signer, destination, method, path, { unchecked: !this.isStrict, ...options })
  }

  /** Sends a transaction and answers what became of its PDUs, by event id; `undefined` where nothing was wrong. */
  async send(
    destination: ServerName,
    pdus: readonly JsonLike[],
    { edus = [], txnId = randomString(12) }: { edus?: readonly Edu[]; txnId?: string } = {},
  ): Promise<Record<string, string | undefined>> {
    const body = { origin: this.serverName, origin_server_ts: Date.now(), pdus, edus } as unknown as JsonObject
    const path = `/_matrix/federation/v1/send/${txnId}`
    const answer = await this.request(destination, 'PUT', path, { body, expect: 200 })
    const results = Object.entries(Object(answer.body.pdus))
    return Object.fromEntries(results.map(([id, result]) => [id, Object(result).error]))
  }

  /** Completes a template with hash, signature and id. */
  sign(rules: RoomVersionRules, template: Pdu): IdentifiedPdu {
    const id = rules.eventIdFormat === 'v1' ? { event_id: `$${randomString(18)}:${this.serverName}` as EventId } : {}
    return hashAndSign({ ...template, ...id }, rules, this.serverName, this.signer.key)
  }

  async #receive({ body, origin, params }: PeerRequest): Promise<PeerAnswer> {
    const { pdus = [], edus = [] } = Object(body)
    if (pdus.length > 50 || edus.length > 100) this.faults.push('a transaction is too large')
    const isRepeated = this.transactions.has(`${origin} ${params.txnId}`)
    this.transactions.add(`${origin} ${params.txnId}`)
    const results: JsonObject = {}
    for (const pdu of pdus as Pdu[]) {
      const room = pdu.room_id === undefined ? undefined : this.rooms.get(pdu.room_id)
      if (!isRepeated) this.pdus.push(pdu)
      if (room === undefined) continue
      const error = await this.accept(room, pdu)
      results[eventIdOf(pdu, room.rules)] = error === undefined ? {} : { error }
    }
    if (!isRepeated) this.edus.push(...edus)
    return { body: { pdus: results } }
  }

  /** Adds an event of another server to a room; answers, and notes down, why it may not be there. */
  async accept(room: BuiltRoom, pdu: Pdu): Promise<string | undefined> {
    let fault = await this.keys.faultOf(room.rules, pdu)
    if (fault === undefined && room.graph.isPlaceable(pdu)) {
      const verdict = room.check(pdu)
      if (verdict.allowed) room.graph.add({ eventId: eventIdOf(pdu, room.rules), pdu })
      else fault = verdict.reason
    }
    if (fault !== undefined) this.faults.push(`${pdu.type} of ${pdu.sender}: ${fault}`)
    return fault
  }

  /** Resolves with what `look` finds, now or after one of the next requests; rejects when it finds nothing for long. */
  async waitFor<T>(what: string, look: () => T | undefined | false): Promise<T> {
    const deadline = Date.now() + patienceMs
    for (;;) {
      const found = look()
      if (found !== undefined && found !== false) return found
      const left = deadline - Date.now()
      if (left <= 0) throw new Error(`${this.serverName} has waited in vain for ${what}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#watchers.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  /** Resolves with a PDU that has come in a transaction. */
  waitForPdu(matches: (pdu: Pdu) => boolean): Promise<Pdu> {
    return this.waitFor('an event', () => this.pdus.find(matches))
  }

  waitForEdu(type: string, matches: (content: JsonObject) => boolean = () => true): Promise<Edu> {
    return this.waitFor(`an EDU ${type}`, () => this.edus.find((edu) => edu.edu_type === type && matches(edu.content)))
  }

  async start(port: number): Promise<void> {
    this.#listener = await listenPeer((request) => this.#answer(request), port)
  }

  async #answer(request: PeerRequest): Promise<PeerAnswer | undefined> {
    try {
      request.origin = await this.keys.verifyRequest(request)
    } catch (error) {
      this.faults.push(`${request.method} ${request.path}: ${error instanceof Error ? error.message : error}`)
      return refusal(401, 'M_UNAUTHORIZED')
    }
    if (request.origin === undefined && !request.path.startsWith('/_matrix/key/') && !isPublic(request.path)) {
      return refusal(401, 'M_UNAUTHORIZED')
    }
    this.requests.push(request)
    try {
      return await this.#router.answer(request)
    } finally {
      for (const wake of this.#watchers.splice(0)) wake()
    }
  }

  /** From now on nobody reaches this server, until it is started again. */
  async stop(): Promise<void> {
    await this.#listener?.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

/** PDUs as they are or as tests have bent them. */
type JsonLike = Json | Pdu

function isPublic(path: string): boolean {
  return path === '/_matrix/federation/v1/version' || path.startsWith('/.well-known/')
}

export async function createPeer(): Promise<Peer> {
  const [key] = parseSigningKeys(generateSigningKeyText())
  const port = await freePort()
  const server = `localhost:${port}`
  if (key === undefined || !isServerName(server)) throw new Error('no key')
  const peer = new Peer({ server, key })
  await peer.start(port)
  return peer
}
