import type { Readable } from 'node:stream'

/** What a reply may carry: an object is sent as JSON, a string as it is, bytes and streams as they come. */
export type ReplyBody = object | string | Uint8Array | Readable | OwnStream | ReadableStream<Uint8Array> | undefined

export type ReplyHeaders = Record<string, string>

/** A stream whose pieces nothing else holds, so that their memory is free as soon as they are sent. */
export class OwnStream {
  readonly stream: Readable

  constructor(stream: Readable) {
    this.stream = stream
  }
}

/** An answer that is not plain `200` JSON. */
export class Reply {
  readonly status: number
  readonly body: ReplyBody
  readonly headers: ReplyHeaders | undefined
  /** Called once the whole body has been handed to the network; never for a client that went away before. */
  readonly onSent: (() => void) | undefined

  constructor(status: number, body: ReplyBody, headers: ReplyHeaders | undefined, onSent?: (() => void) | undefined) {
    this.status = status
    this.body = body
    this.headers = headers
    this.onSent = onSent
  }
}

/** An answer with a status, a body and headers; without a `Content-Type` an object is JSON and a string plain text. */
export function reply(status: number, body?: ReplyBody, headers?: ReplyHeaders, onSent?: () => void): Reply {
  return new Reply(status, body, headers, onSent)
}

/** A page. It may load nothing from elsewhere and cannot be framed; pass headers to say otherwise. */
export function html(page: string, status = 200, headers?: ReplyHeaders): Reply {
  return new Reply(status, page, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy':
      "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
    ...headers,
  })
}

/** Sends a browser elsewhere; 303 after a form, 302 else. */
export function redirect(location: string, status: 302 | 303 | 307 = 302, headers?: ReplyHeaders): Reply {
  return new Reply(status, undefined, { Location: location, ...headers })
}
