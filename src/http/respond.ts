import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { corsHeaders } from './cors.ts'
import type { EndpointResult } from './endpoint.ts'
import { OwnStream, Reply, type ReplyHeaders } from './reply.ts'
import { sendPieces } from './send-pieces.ts'

/** Whoever reads nothing for so long is cut off. */
const stalledMs = 60_000
const noBodyStatus = new Set([204, 205, 304])

/** What a response needs besides the handler's result. */
export interface RespondContext {
  readonly requestId: string
  readonly isHead: boolean
  /** The socket's side, where there is one: streams are piped into it directly. */
  readonly outgoing: ServerResponse | undefined
  onStreamError(error: unknown): void
}

/** The status that `respond` will send for a result. */
export function statusOf(result: EndpointResult): number {
  return result instanceof Reply ? result.status : 200
}

/** Makes the response for what a handler returned: JSON with 200, or a reply with its status, body and headers. */
export function respond(result: EndpointResult, context: RespondContext): Response | Promise<Response> {
  const given = result instanceof Reply ? result : new Reply(200, result, undefined)
  const { status, body, onSent } = given
  if (onSent && !context.isHead) context.outgoing?.once('finish', onSent)
  if (body instanceof Readable || body instanceof OwnStream || body instanceof ReadableStream) {
    return respondWithStream(body, status, headersFor(undefined, given.headers, context), context)
  }
  if (body === undefined || noBodyStatus.has(status)) {
    return new Response(null, { status, headers: headersFor(undefined, given.headers, context) })
  }
  if (body instanceof Uint8Array) {
    return sized(body, body.byteLength, status, headersFor('application/octet-stream', given.headers, context), context)
  }
  if (typeof body === 'string') {
    const headers = headersFor('text/plain; charset=utf-8', given.headers, context)
    return context.isHead
      ? sized(body, Buffer.byteLength(body), status, headers, context)
      : new Response(body, { status, headers })
  }
  const text = JSON.stringify(body)
  const headers = headersFor('application/json', given.headers, context)
  return context.isHead
    ? sized(text, Buffer.byteLength(text), status, headers, context)
    : new Response(text, { status, headers })
}

function sized(
  body: string | Uint8Array,
  length: number,
  status: number,
  headers: ReplyHeaders,
  context: RespondContext,
): Response {
  headers['Content-Length'] = String(length)
  // A Uint8Array over shared memory is the only one that the DOM types exclude.
  return new Response(context.isHead ? null : (body as string | Uint8Array<ArrayBuffer>), { status, headers })
}

function headersFor(
  contentType: string | undefined,
  given: ReplyHeaders | undefined,
  context: RespondContext,
): ReplyHeaders {
  const headers: ReplyHeaders = { ...corsHeaders, 'X-Request-Id': context.requestId }
  if (contentType !== undefined) headers['Content-Type'] = contentType
  if (contentType === 'application/json') headers['Cache-Control'] = 'no-store'
  if (!given) return headers
  for (const name in given) {
    const value = given[name]
    const canonical = name.toLowerCase() === 'content-type' ? 'Content-Type' : name
    if (value !== undefined) headers[canonical] = value
  }
  return headers
}

async function respondWithStream(
  given: Readable | OwnStream | ReadableStream<Uint8Array>,
  status: number,
  headers: ReplyHeaders,
  context: RespondContext,
): Promise<Response> {
  const { outgoing } = context
  const body = given instanceof OwnStream ? given.stream : given
  if (context.isHead) {
    if (body instanceof Readable) body.destroy()
    else await body.cancel()
    return new Response(null, { status, headers })
  }
  if (!outgoing) {
    // DOM and Node types of the same stream differ.
    const stream = body instanceof Readable ? (Readable.toWeb(body) as ReadableStream<Uint8Array>) : body
    return new Response(stream, { status, headers })
  }
  outgoing.writeHead(status, headers)
  outgoing.setTimeout(stalledMs, () => outgoing.destroy())
  try {
    if (given instanceof OwnStream) await sendPieces(given.stream, outgoing)
    else await pipeline(body, outgoing)
  } catch (error) {
    context.onStreamError(error)
    outgoing.destroy()
  }
  return RESPONSE_ALREADY_SENT
}
