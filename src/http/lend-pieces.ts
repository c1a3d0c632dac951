import type { Readable } from 'node:stream'
import { ClientGoneError } from './client-gone.ts'

/** So much is gathered before a stream is stopped; a piece has up to this and what its source gives at once. */
const enoughBytes = 32 * 1024

/**
 * What a stream of bytes gives, in pieces each of which is taken back when the next one is asked for: its memory is free at
 * once. Left to the garbage collector, which looks after 64 MiB of them, pieces would be most of the memory of a server that
 * many upload to or download from. Only for streams whose pieces nothing else holds.
 */
export async function* lendPieces(stream: Readable): AsyncGenerator<Uint8Array> {
  let pieces: Buffer[] = []
  let size = 0
  let wake = () => {}
  const onData = (piece: Buffer) => {
    pieces.push(piece)
    size += piece.length
    if (size >= enoughBytes) stream.pause()
    wake()
  }
  const onOver = () => wake()
  const overs = ['end', 'error', 'close'] as const
  for (const over of overs) stream.on(over, onOver)
  stream.on('data', onData)
  try {
    for (;;) {
      if (pieces.length > 0) {
        const piece = joined(pieces)
        pieces = []
        size = 0
        stream.resume()
        yield piece
        free(piece)
      } else if (stream.readableEnded) {
        return
      } else if (stream.destroyed) {
        throw stream.errored ?? new Error('a stream ended early')
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  } finally {
    stream.off('data', onData)
    for (const over of overs) stream.off(over, onOver)
  }
}

/** The body of a request. What is not wanted any more is read and thrown away, so that it holds up no other request. */
export async function* lendBody(incoming: Readable): AsyncGenerator<Uint8Array> {
  try {
    yield* lendPieces(incoming)
  } catch (cause) {
    throw new ClientGoneError('the request ended early', { cause })
  } finally {
    if (!incoming.readableEnded) incoming.resume()
  }
}

/** Whoever sends a byte at a time costs no write each. */
function joined(pieces: readonly Buffer[]): Buffer {
  const [first] = pieces
  if (first && pieces.length === 1) return first
  const whole = Buffer.concat(pieces)
  for (const piece of pieces) free(piece)
  return whole
}

/** Only where nothing else lies in the same memory. */
function free({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}
