import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import { matchesEtag } from '../http/etag.ts'
import { OwnStream, type Reply, redirect, reply } from '../http/reply.ts'
import { errors } from '../matrix/errors.ts'
import type { ByteRange } from './blob-store.ts'
import { parseRange } from './range.ts'

/** A file to be sent. `open` yields undefined where the bytes have been deleted meanwhile. */
export interface ServedFile {
  readonly contentType: string
  readonly disposition: string
  readonly size: number
  readonly sha256: string
  /** Whether it is deleted soon: others should keep no copy for long. */
  readonly isEphemeral?: boolean
  open(range: ByteRange): Promise<Readable | Uint8Array | undefined>
  /** An address at which the storage gives it to whoever may be sent there. Nobody learns whether they fetched it. */
  readonly link?: (() => Promise<string>) | undefined
  /** Called when the client has been sent a part, to its last byte. */
  onSent?(part: ByteRange): void
}

/** https://spec.matrix.org/v1.19/client-server-api/#content-repository: nothing in a file may act on this origin. */
const safetyHeaders = {
  'Content-Security-Policy':
    "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; media-src 'self'; object-src 'self';",
  'Cross-Origin-Resource-Policy': 'cross-origin',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'X-Robots-Tag': 'noindex, nofollow, noarchive, noimageindex',
  // What an id stands for never changes, but it may be deleted.
  'Cache-Control': 'private, max-age=86400, immutable',
}

/** The answer for a file: whole, in part (206, 416), 304 for whoever has it, or 307 to where it can be had. */
export async function fileReply(
  { method, headers: asked }: { method: string; headers: IncomingHttpHeaders },
  file: ServedFile,
  { allowRedirect = false }: { allowRedirect?: boolean } = {},
): Promise<Reply> {
  const etag = `"${file.sha256}"`
  const headers = { ...safetyHeaders, ETag: etag, 'Accept-Ranges': 'bytes' }
  if (matchesEtag(asked['if-none-match'], etag)) return reply(304, undefined, headers)
  if (allowRedirect && file.link && method !== 'HEAD' && file.size > 0) {
    // The address is for this one client, and for a few minutes.
    return redirect(await file.link(), 307, { ...safetyHeaders, 'Cache-Control': 'no-store' })
  }
  const ifRange = asked['if-range']
  const isPartial = method === 'GET' && (ifRange === undefined || ifRange === etag)
  const range = isPartial ? parseRange(asked.range, file.size) : undefined
  if (range === 'unsatisfiable') {
    const { body } = errors.unknown(416, 'The file has no such part')
    return reply(416, body, { ...headers, 'Content-Range': `bytes */${file.size}` })
  }
  const part = range ?? { start: 0, end: file.size - 1 }
  const length = part.end - part.start + 1
  const onSent = file.onSent && (() => file.onSent?.(part))
  const content = {
    ...headers,
    'Content-Type': file.contentType,
    'Content-Disposition': file.disposition,
    'Content-Length': String(length),
    ...(range && { 'Content-Range': `bytes ${range.start}-${range.end}/${file.size}` }),
  }
  const status = range ? 206 : 200
  if (method === 'HEAD' || length === 0) return reply(status, undefined, content, onSent)
  const body = await file.open(part)
  if (!body) throw errors.notFound('The media has been deleted')
  return reply(status, body instanceof Readable ? new OwnStream(body) : body, content, onSent)
}
