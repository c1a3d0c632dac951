import type { Database } from '../../../db/database.ts'
import { type FederationTransport, type Keyring, RemoteError } from '../../../federation/client/ports.ts'
import { type EventSourceServer, requestEvent } from '../../../federation/client/requests-events.ts'
import type { IdentifiedPdu, Json } from '../../../matrix/event.ts'
import type { EventId, ServerName } from '../../../matrix/ids.ts'
import { FetchError } from '../../../util/fetch-error.ts'
import type { Log } from '../../../util/log.ts'
import { listServersIn } from '../../history/store-history.ts'
import { getPartialRoom } from '../../partial/store-partial.ts'
import type { Room } from '../../types.ts'
import { readPdu } from '../read-pdu.ts'
import { verifyEvents } from '../verify.ts'

export interface SourceDeps {
  readonly db: Database
  readonly transport: FederationTransport
  readonly keyring: Pick<Keyring, 'verifyEvents'>
  readonly serverName: ServerName
  readonly log: Log
}

export interface RoomSourceOptions {
  /** Whom to ask first. */
  readonly first?: ServerName
  readonly signal?: AbortSignal
  /** How many servers of the room are asked for the same thing when the first does not help; 3 unless given. */
  readonly others?: number
}

/** Asks the servers of one room for its events, on behalf of one event that lacks something. */
export class RoomSource {
  readonly room: Room
  readonly first: ServerName | undefined
  readonly signal: AbortSignal | undefined
  /** Whether a server could not be reached or had no time for us, so that asking again later may help. */
  hasFailed = false
  readonly #deps: SourceDeps
  readonly #others: number
  #servers: Promise<ServerName[]> | undefined
  /** Events that servers were asked for in vain. */
  readonly #lacking = new Set<string>()

  constructor(deps: SourceDeps, room: Room, { first, signal, others = 3 }: RoomSourceOptions) {
    this.#deps = deps
    this.room = room
    this.first = first
    this.signal = signal
    this.#others = others
  }

  get transport(): FederationTransport {
    return this.#deps.transport
  }

  /** The first server, and some others that are in the room. */
  servers(): Promise<ServerName[]> {
    this.#servers ??= this.#list()
    return this.#servers
  }

  async #list(): Promise<ServerName[]> {
    const { room, first } = this
    const present = await this.#deps.db.read(async (reader) => {
      const partial = room.isPartial ? await getPartialRoom(reader, room.nid) : undefined
      const named = partial === undefined ? [] : [partial.resident, ...partial.servers]
      return [...new Set([...named, ...(await listServersIn(reader, room.nid))])]
    })
    const others = present.filter((server) => server !== this.#deps.serverName && server !== first)
    return [...(first === undefined ? [] : [first]), ...others.slice(0, this.#others)]
  }

  /** Whether the server was asked for one of these events, and did not give it. */
  lacks(server: ServerName, eventIds: readonly EventId[]): boolean {
    return eventIds.some((id) => this.#lacking.has(`${server} ${id}`))
  }

  noteLacking(server: ServerName, eventIds: readonly EventId[]): void {
    for (const id of eventIds) this.#lacking.add(`${server} ${id}`)
  }

  /** One question to one server; undefined where it has no answer. */
  async ask<T>(server: ServerName, question: (source: EventSourceServer) => Promise<T>): Promise<T | undefined> {
    const { signal, room } = this
    try {
      return await question({
        destination: server,
        isStrict: room.rules.strictCanonicalJson,
        ...(signal && { signal }),
      })
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof RemoteError) && !(error instanceof FetchError)) throw error
      if (isPassing(error)) this.hasFailed = true
      this.#deps.log.debug({ err: error, server, roomId: room.roomId }, 'a server did not help with missing events')
      return undefined
    }
  }

  /** The same to one server after another, until one has an answer. */
  async askAny<T>(question: (source: EventSourceServer) => Promise<T | undefined>): Promise<T | undefined> {
    for (const server of await this.servers()) {
      const answer = await this.ask(server, question)
      if (answer !== undefined) return answer
    }
    return undefined
  }

  /** Those of the given events that are well-formed events of the room and signed. */
  async read(given: readonly Json[]): Promise<IdentifiedPdu[]> {
    const { room } = this
    const wellFormed: IdentifiedPdu[] = []
    for (const json of given) {
      const result = readPdu(json, room.rules, room.roomId)
      if (result.ok) wellFormed.push(result.event)
      else this.#deps.log.info({ roomId: room.roomId, reason: result.reason }, 'left out a malformed event')
    }
    const usable = await verifyEvents(this.#deps.keyring, room.rules, wellFormed)
    return usable.filter((event) => event !== undefined)
  }

  /** An event by its id; `bad` where what a server gave for it is not to be used, undefined where nobody has it. */
  async event(eventId: EventId): Promise<IdentifiedPdu | 'bad' | undefined> {
    let isBad = false
    for (const server of await this.servers()) {
      const given = await this.ask(server, async (source) => ({
        json: await requestEvent(this.transport, source, eventId),
      }))
      if (given === undefined) continue
      const [event] = given.json === undefined ? [] : await this.read([given.json])
      if (event?.eventId === eventId) return event
      isBad = true
    }
    return isBad ? 'bad' : undefined
  }
}

function isPassing(error: RemoteError | FetchError): boolean {
  if (error instanceof FetchError) return error.failure !== 'not_allowed'
  return error.status === 429 || error.status >= 500
}
