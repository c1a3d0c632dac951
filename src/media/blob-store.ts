import type { Readable } from 'node:stream'

/** The first and the last byte, both included. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** A finished file on this machine. */
export interface LocalFile {
  readonly path: string
  /** Resolves when its bytes survive a power cut. */
  sync(): Promise<void>
}

/**
 * Where the bytes of media are kept under keys that we choose and never use twice. Which keys there are is known from
 * the database alone.
 */
export interface BlobStore {
  /** Takes over a file. When it resolves, the bytes survive a power cut. */
  put(key: string, file: LocalFile): Promise<void>
  /**
   * Opens a part of the bytes; undefined where there is no such key. A short part comes at once; read a stream, or destroy
   * it.
   */
  open(key: string, range: ByteRange): Promise<Readable | Uint8Array | undefined>
  /** Lends the bytes as a local file, for programs that read files; undefined where there is no such key. */
  useFile<T>(key: string, use: (path: string) => Promise<T>): Promise<T | undefined>
  /** Does nothing where there is no such key. */
  delete(key: string): Promise<void>
}
