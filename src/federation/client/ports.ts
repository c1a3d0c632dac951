import type { ZodType } from 'zod'
import { MatrixError } from '../../matrix/errors.ts'
import type { JsonObject, Pdu } from '../../matrix/event.ts'
import type { ServerName } from '../../matrix/ids.ts'
import type { JsonFault } from '../../matrix/json-parse.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'
import type { SafeResponse } from '../../util/safe-response.ts'

/** A request to another server, signed as this one. */
export interface FederationRequest {
  readonly destination: ServerName
  readonly method: 'GET' | 'POST' | 'PUT'
  /** From `/_matrix/` on, with its query, percent-encoded. */
  readonly path: string
  readonly body?: JsonObject
  /** For the whole exchange; 30 s unless given. */
  readonly timeoutMs?: number
  /** The largest answer that is read; 10 MiB unless given. */
  readonly maxBytes?: number
  readonly signal?: AbortSignal
  /** Asks also a server that has just failed to answer; otherwise that one counts as unreachable for a while. */
  readonly ignoreBackOff?: boolean
  /** Somebody waits: a server that has failed is asked again after seconds, however often it did. */
  readonly isAwaited?: boolean
  /** Sends no signature: for what anybody may ask, such as keys. */
  readonly isUnsigned?: boolean
  /** Told before the answer where it is not canonical JSON, as events since room version 6 must be: `path` is such as `['pdus', 3]`. */
  readonly onFaults?: (faults: readonly JsonFault[]) => void
}

/**
 * How other servers are asked. An answer that is an error throws a `RemoteError`; a server that may not be asked, cannot
 * be found or reached, or does not make sense throws a `FetchError`.
 */
export interface FederationTransport {
  /** The answer, checked by the schema. */
  request<T>(request: FederationRequest & { readonly answer: ZodType<T> }): Promise<T>
  /** An answer of status 200 whose body has not been read. */
  stream(request: FederationRequest): Promise<SafeResponse>
  /** A request signed by this server has come: it is there, whatever failed before. */
  heardFrom(server: ServerName): void
  /** Whether the policy of this server lets it deal with the other one. */
  isAllowed(server: ServerName): boolean
}

/** What another server answered instead of what was asked for: its status, `errcode` and text. */
export class RemoteError extends MatrixError {
  readonly server: ServerName

  constructor(server: ServerName, status: number, errcode: string, message: string, extra: JsonObject = {}) {
    super(status, errcode, message, extra)
    this.server = server
  }

  /** A client takes to heart what its own server says of its login or of a limit: that is no other server's to say. */
  override get answer(): { readonly status: number; readonly body: JsonObject } {
    const isOurs = this.status >= 400 && this.status < 500 && ![401, 405, 429].includes(this.status)
    if (isOurs) return this
    return { status: 502, body: { errcode: 'M_UNKNOWN', error: `${this.server} answered: ${this.message}` } }
  }
}

/** The keys of other servers, and what they have signed. All look ups are bounded in time; a key that cannot be had makes nothing valid. */
export interface Keyring {
  /** Whether `server` signed the object with a key that is valid now, or was at `validAt` (ms). */
  verifyJson(server: ServerName, object: JsonObject, validAt?: number): Promise<boolean>
  /** Whether each event has all signatures that it needs; keys are fetched for all of them together. */
  verifyEvents(rules: RoomVersionRules, pdus: readonly Pdu[]): Promise<boolean[]>
}
