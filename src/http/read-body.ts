import type { IncomingMessage } from 'node:http'
import { type Readable, Transform } from 'node:stream'
import { errors } from '../matrix/errors.ts'

/** The client went away in the middle of its request: nobody is there to be answered. */
export class ClientGoneError extends Error {
  override name = 'ClientGoneError'
}

function tooLarge(limit: number) {
  return errors.tooLarge(`The body has more than ${limit} bytes`)
}

function refuseAnnounced(length: string | null | undefined, limit: number, most = limit): void {
  if (length && Number(length) > most) throw tooLarge(limit)
}

/** Reads a whole body; rejects with `413 M_TOO_LARGE` as soon as `limit` bytes are passed, announced or not. */
export function readIncoming(incoming: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    refuseAnnounced(incoming.headers['content-length'], limit)
    if (incoming.readableEnded) return resolve(Buffer.alloc(0))
    if (incoming.destroyed) return reject(new ClientGoneError('the request ended early'))
    const chunks: Buffer[] = []
    let size = 0
    const finish = (error?: Error) => {
      incoming.off('data', onData).off('end', onEnd).off('error', onLost).off('close', onLost)
      if (error) reject(error)
      else resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size))
    }
    const onData = (chunk: Buffer) => {
      size += chunk.length
      if (size > limit) {
        incoming.pause()
        finish(tooLarge(limit))
      } else chunks.push(chunk)
    }
    const onEnd = () => finish()
    const onLost = () => finish(new ClientGoneError('the request ended early'))
    incoming.on('data', onData).on('end', onEnd).on('error', onLost).on('close', onLost)
  })
}

/** The same for a request that did not come through a socket. */
export async function readRequest(request: Request, limit: number): Promise<Buffer> {
  refuseAnnounced(request.headers.get('content-length'), limit)
  const chunks: Uint8Array[] = []
  let size = 0
  // DOM and Node types of the same stream differ.
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > limit) throw tooLarge(limit)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, size)
}

/**
 * The body as a stream that fails with `413 M_TOO_LARGE` when it passes `limit` bytes. The rest of such a body is read
 * and thrown away first, up to as much again: a client that still sends would not see the answer.
 */
export function limitedStream(source: Readable, announced: string | undefined, limit: number): Readable {
  const most = 2 * limit
  refuseAnnounced(announced, limit, most)
  let size = 0
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length
      if (size > most) done(tooLarge(limit))
      else if (size > limit || Number(announced) > limit) done()
      else done(null, chunk)
    },
    flush: (done) => done(size > limit ? tooLarge(limit) : null),
  })
  source.on('error', (error) => counted.destroy(error))
  source.on('close', () => {
    if (!source.readableEnded) counted.destroy(new ClientGoneError('the request ended early'))
  })
  // It may fail before anybody has begun to read; whoever reads then is told.
  counted.on('error', () => {})
  counted.on('close', () => {
    // Whoever reads has given up: what still comes must not hold up the next request on this connection.
    if (!source.readableEnded && size <= most) source.resume()
  })
  return source.pipe(counted)
}
