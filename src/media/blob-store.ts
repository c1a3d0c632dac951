import type { Readable } from 'node:stream'

/** The first and the last byte, both included. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * Where the bytes of media are kept under keys that we choose and never use twice. Which keys there are is known from
 * the database alone.
 */
export interface BlobStore {
  /** Takes over a finished local file. When it resolves, the bytes survive a power cut. */
  put(key: string, path: string): Promise<void>
  /** Opens the bytes, or a part of them; undefined where there is no such key. Read the stream or destroy it. */
  open(key: string, range?: ByteRange): Promise<Readable | undefined>
  /** Lends the bytes as a local file, for programs that read files; undefined where there is no such key. */
  useFile<T>(key: string, use: (path: string) => Promise<T>): Promise<T | undefined>
  /** Does nothing where there is no such key. */
  delete(key: string): Promise<void>
}
