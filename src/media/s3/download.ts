import { PassThrough, pipeline, Readable } from 'node:stream'
import { BlobStoreError, type ByteRange } from '../blob-store.ts'
import type { S3 } from './client.ts'
import { isNoSuchKey } from './errors.ts'
import { pause } from './retry.ts'
import type { Target } from './upload.ts'

/** So often in a row a stream is opened again that has yielded nothing. */
const mostFailures = 3

/** The answer to a request for a part of an object; undefined where there is none. */
export async function get(
  s3: S3,
  target: Target,
  range: ByteRange,
  signal?: AbortSignal,
): Promise<Readable | undefined> {
  const command = new s3.sdk.GetObjectCommand({ ...target, Range: `bytes=${range.start}-${range.end}` })
  try {
    const { Body } = await s3.client.send(command, signal && { abortSignal: signal })
    if (!(Body instanceof Readable)) throw new Error('the storage sent no body')
    return Body
  } catch (error) {
    if (isNoSuchKey(error)) return undefined
    throw error
  }
}

/**
 * A part of an object as it comes, as fast as it is read. Where the connection breaks off, the rest is asked for anew;
 * when the reader goes away, so does the request.
 */
export async function openStream(
  s3: S3,
  target: Target,
  range: ByteRange,
  explain: (error: unknown) => Error,
): Promise<Readable | undefined> {
  const left = new AbortController()
  const first = await get(s3, target, range, left.signal)
  if (!first) return undefined
  const stream = new PassThrough()
  stream.once('close', () => left.abort())
  const reopen = (rest: ByteRange) => get(s3, target, rest, left.signal)
  pipeline(pieces(first, { range, reopen, explain, signal: left.signal }), stream, () => {
    // Errors reach whoever reads the stream.
  })
  return stream
}

async function* pieces(
  first: Readable,
  options: {
    range: ByteRange
    reopen: (rest: ByteRange) => Promise<Readable | undefined>
    explain: (error: unknown) => Error
    signal: AbortSignal
  },
): AsyncGenerator<Uint8Array> {
  const { range, reopen, explain, signal } = options
  const { end } = range
  let position = range.start
  let failures = 0
  for (let body: Readable | undefined = first; ; ) {
    try {
      body ??= await reopen({ start: position, end })
      if (!body) throw new BlobStoreError('an object was deleted while it was read')
      for await (const chunk of stoppable(body, signal)) {
        position += chunk.length
        failures = 0
        yield chunk
      }
      if (position > end) return
      throw new BlobStoreError('the answer of the storage ended early')
    } catch (error) {
      if (signal.aborted || ++failures > mostFailures) throw explain(error)
      await pause(failures, signal)
      body = undefined
    }
  }
}

/** Ends at once when nobody reads any more, also while nothing comes. */
async function* stoppable(body: Readable, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const stop = () => body.destroy()
  signal.addEventListener('abort', stop, { once: true })
  try {
    yield* body as AsyncIterable<Uint8Array>
  } finally {
    signal.removeEventListener('abort', stop)
    body.destroy()
  }
}
