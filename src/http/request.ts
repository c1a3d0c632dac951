import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { ServerName } from '../matrix/ids.ts'
import type { JsonFault } from '../matrix/json-parse.ts'
import type { TimerClock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import type { AnyRequest, Requester } from './endpoint.ts'
import { lendBody } from './lend-pieces.ts'
import { limitedPieces, readIncoming, readRequest } from './read-body.ts'
import type { WaitingRequests } from './waiting.ts'

/** What the Node listener hands over beside the request; absent when the app is called in process. */
export interface NodeBindings {
  readonly incoming?: IncomingMessage
  readonly outgoing?: ServerResponse
}

/** What is known of a request before its endpoint's schemas. */
export interface RequestParts {
  readonly raw: Request
  readonly node: NodeBindings
  readonly url: string
  readonly route: string
  readonly maxBody: number
  readonly requestId: string
  readonly log: Log
  readonly clock: TimerClock
  readonly waiting: WaitingRequests
}

/** Whoever sends nothing for so long in the middle of a body is cut off. */
const stalledMs = 60_000
/** Whoever has not sent the whole of a body that is kept in memory by then is cut off, however steadily it comes. */
const wholeBodyMs = 120_000

/** A request; everything that costs something is made when it is asked for. */
export class HttpRequest implements AnyRequest {
  readonly method: string
  readonly route: string
  readonly url: string
  readonly requestId: string
  ip = ''
  params: unknown
  query: unknown
  body: unknown
  rawBody: unknown
  faults: readonly JsonFault[] = []
  origin: ServerName | undefined
  requester: Requester | undefined
  accessToken: string | undefined
  recheck: () => Promise<void> = async () => undefined
  readonly #parts: RequestParts
  #headers: IncomingHttpHeaders | undefined
  #log: Log | undefined
  #controller: AbortController | undefined

  constructor(parts: RequestParts) {
    this.#parts = parts
    this.method = parts.raw.method
    this.route = parts.route
    this.url = parts.url
    this.requestId = parts.requestId
  }

  get incoming(): IncomingMessage | undefined {
    return this.#parts.node.incoming
  }

  get headers(): IncomingHttpHeaders {
    this.#headers ??= this.#parts.node.incoming?.headers ?? Object.fromEntries(this.#parts.raw.headers)
    return this.#headers
  }

  /** All `Authorization` headers: other servers may sign with more keys than one. */
  get authorizations(): readonly string[] {
    const { incoming } = this.#parts.node
    if (incoming) return incoming.headersDistinct.authorization ?? []
    return this.headers.authorization === undefined ? [] : [this.headers.authorization]
  }

  get log(): Log {
    this.#log ??= this.#parts.log.child({ request: this.requestId })
    return this.#log
  }

  get signal(): AbortSignal {
    this.#controller ??= this.#startWaiting()
    return this.#controller.signal
  }

  /** Ends the watch over the client's connection; called once the answer is under way. */
  release(): void {
    if (this.#controller) this.#parts.waiting.delete(this.#controller)
  }

  bytes(): Promise<Buffer> {
    const { raw, node, maxBody, clock } = this.#parts
    const { incoming } = node
    if (!incoming) return readRequest(raw, maxBody)
    const cancel = clock.after(wholeBodyMs, () => incoming.destroy())
    return readIncoming(incoming, maxBody).finally(cancel)
  }

  async form(): Promise<URLSearchParams> {
    return new URLSearchParams((await this.bytes()).toString('utf8'))
  }

  pieces(): AsyncIterable<Uint8Array> {
    const { raw, node, maxBody } = this.#parts
    const { incoming } = node
    incoming?.setTimeout(stalledMs, () => incoming.destroy())
    incoming?.once('end', () => incoming.setTimeout(0))
    // DOM and Node types of the same stream differ.
    const source = incoming ? lendBody(incoming) : ((raw.body ?? []) as AsyncIterable<Uint8Array>)
    return limitedPieces(source, this.headers['content-length'], maxBody)
  }

  #startWaiting(): AbortController {
    const controller = new AbortController()
    const { raw, node, waiting } = this.#parts
    const { outgoing } = node
    const onGone = () => controller.abort(new DOMException('the client went away', 'AbortError'))
    waiting.add(controller)
    if (outgoing) {
      outgoing.once('close', () => {
        waiting.delete(controller)
        if (!outgoing.writableFinished) onGone()
      })
      if (outgoing.destroyed) onGone()
    } else {
      raw.signal.addEventListener('abort', onGone, { once: true })
      if (raw.signal.aborted) onGone()
    }
    return controller
  }
}
