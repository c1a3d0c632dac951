import type { Readable } from 'node:stream'
import { ClientGoneError } from './client-gone.ts'

/** So much is gathered before a piece is handed on; with what a socket gives at once it has up to 96 KiB. */
const enoughBytes = 32 * 1024

/**
 * A body in pieces as it comes, each of which is taken back when the next one is asked for: its memory is free at once.
 * Left to the garbage collector, which looks after 64 MiB of them, pieces would be most of the memory of a server that
 * many upload to. What is not wanted any more is read and thrown away, so that it does not hold up the next request.
 */
export async function* lendPieces(body: Readable): AsyncGenerator<Uint8Array> {
  let pieces: Buffer[] = []
  let size = 0
  let wake = () => {}
  const onData = (piece: Buffer) => {
    pieces.push(piece)
    size += piece.length
    if (size >= enoughBytes) body.pause()
    wake()
  }
  const onOver = () => wake()
  const overs = ['end', 'error', 'close'] as const
  body.on('data', onData)
  for (const over of overs) body.on(over, onOver)
  try {
    for (;;) {
      if (pieces.length > 0) {
        const piece = joined(pieces)
        pieces = []
        size = 0
        body.resume()
        yield piece
        free(piece)
      } else if (body.readableEnded) {
        return
      } else if (body.destroyed) {
        throw new ClientGoneError('the request ended early')
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  } finally {
    body.off('data', onData)
    for (const over of overs) body.off(over, onOver)
    if (!body.readableEnded) body.resume()
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
