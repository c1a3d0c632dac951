import type { IncomingMessage } from 'node:http'
import { errors } from '../matrix/errors.ts'
import { ClientGoneError } from './client-gone.ts'

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
 * A body in pieces that fails with `413 M_TOO_LARGE` when it passes `limit` bytes. The rest of such a body is read and thrown
 * away first, up to as much again: a client that still sends would not see the answer.
 */
export function limitedPieces(
  pieces: AsyncIterable<Uint8Array>,
  announced: string | undefined,
  limit: number,
): AsyncIterable<Uint8Array> {
  refuseAnnounced(announced, limit, 2 * limit)
  return upTo(limit, pieces, Number(announced) > limit)
}

async function* upTo(limit: number, pieces: AsyncIterable<Uint8Array>, isTooLarge: boolean) {
  let size = 0
  for await (const piece of pieces) {
    size += piece.length
    if (size > 2 * limit) break
    if (size <= limit && !isTooLarge) yield piece
  }
  if (size > limit) throw tooLarge(limit)
}
