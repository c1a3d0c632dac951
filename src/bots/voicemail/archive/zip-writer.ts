import { createHash } from 'node:crypto'
import { PassThrough, Readable, Transform } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import yazl from 'yazl'

export interface ZipEntry {
  readonly sha256: string
  /** In bytes. */
  readonly size: number
}

export interface ZipWriter {
  /** The archive, as it grows; it is written as fast as it is read. */
  readonly output: Readable
  /** Resolves when the whole source has been taken. */
  add(name: string, source: Readable | Iterable<string> | AsyncIterable<string>, mtime?: Date): Promise<ZipEntry>
  /** Writes the list of all entries in the form of `sha256sum`, and the end. */
  end(): Promise<void>
  /** The archive is broken off. */
  fail(error: Error): void
}

const manifest = 'SHA256SUMS'

/** A zip file one entry after the other: none of them is held in memory. */
export function createZipWriter(signal: AbortSignal): ZipWriter {
  const zip = new yazl.ZipFile()
  const output = new PassThrough()
  const sums: string[] = []
  const broken = new AbortController()
  const stopped = AbortSignal.any([signal, broken.signal])
  // Whoever reads is told of a failure through the output; what is being added must not wait for a reader who is gone.
  const written = pipeline(zip.outputStream, output, { signal }).catch((error: unknown) => broken.abort(error))

  const add: ZipWriter['add'] = async (name, source, mtime = new Date(0)) => {
    const stream = source instanceof Readable ? source : Readable.from(source)
    const hash = createHash('sha256')
    let size = 0
    const counted = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk)
        size += chunk.length
        done(null, chunk)
      },
    })
    // Recordings are as small as they get.
    zip.addReadStream(counted, name, { mtime, compress: !name.startsWith('media/') })
    await Promise.all([pipeline(stream, counted, { signal: stopped }), finished(counted, { signal: stopped })])
    const sha256 = hash.digest('hex')
    sums.push(`${sha256}  ${name}\n`)
    return { sha256, size }
  }

  return {
    output,
    add,
    end: async () => {
      await add(manifest, [...sums])
      zip.end()
      await written
    },
    fail: (error) => void output.destroy(error),
  }
}
