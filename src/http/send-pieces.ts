import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { ClientGoneError } from './client-gone.ts'
import { lendPieces } from './lend-pieces.ts'

/** Sends a stream whose pieces nothing else holds, as fast as the client takes it; rejects where either breaks off. */
export async function sendPieces(stream: Readable, outgoing: ServerResponse): Promise<void> {
  let fail = (_error: Error) => {}
  outgoing.once('close', () => {
    fail(gone())
    // It may be waiting for bytes that nobody wants any more.
    stream.destroy()
  })
  try {
    for await (const piece of lendPieces(stream)) {
      if (outgoing.destroyed) throw gone()
      await new Promise<void>((resolve, reject) => {
        // What is written to a connection that is gone is never called back for.
        fail = reject
        outgoing.write(piece, (error) => (error ? reject(error) : resolve()))
      })
    }
    outgoing.end()
  } finally {
    stream.destroy()
  }
}

const gone = () => new ClientGoneError('the client went away before it had everything')
