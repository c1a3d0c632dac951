import { Readable } from 'node:stream'
import { OwnStream, type Reply, reply } from '../../../http/reply.ts'
import { errors } from '../../../matrix/errors.ts'
import type { ServedFile } from '../../../media/file-reply.ts'
import { randomToken } from '../../../util/random.ts'

/**
 * A file as other servers get it: a part of JSON, which says whether to keep a copy for long, and the file, or where it
 * can be had.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1mediadownloadmediaid
 */
export async function multipartReply(method: string, file: ServedFile): Promise<Reply> {
  const boundary = randomToken(18)
  const metadata = JSON.stringify(file.isEphemeral ? { ephemeral: true, 'org.matrix.msc4425.ephemeral': true } : {})
  const start = `--${boundary}\r\nContent-Type: application/json\r\n\r\n${metadata}\r\n--${boundary}\r\n`
  const contentType = `multipart/mixed; boundary=${boundary}`
  if (file.link && method !== 'HEAD' && file.size > 0) {
    const text = `${start}Location: ${await file.link()}\r\n\r\n\r\n--${boundary}--\r\n`
    return reply(200, Buffer.from(text), { 'Content-Type': contentType })
  }
  const head = Buffer.from(
    `${start}Content-Type: ${file.contentType}\r\nContent-Disposition: ${file.disposition}\r\n\r\n`,
  )
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`)
  const headers = {
    'Content-Type': contentType,
    'Content-Length': String(head.length + file.size + tail.length),
  }
  if (method === 'HEAD') return reply(200, undefined, headers)
  const part = { start: 0, end: file.size - 1 }
  const bytes = file.size === 0 ? new Uint8Array() : await file.open(part)
  if (bytes === undefined) throw errors.notFound('The media has been deleted')
  async function* parts(content: Readable | Uint8Array) {
    yield head
    if (content instanceof Uint8Array) yield content
    else yield* content as AsyncIterable<Uint8Array>
    yield tail
  }
  return reply(200, new OwnStream(Readable.from(parts(bytes))), headers, () => file.onSent?.(part))
}
