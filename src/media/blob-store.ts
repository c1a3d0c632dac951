import type { Readable } from 'node:stream'

/** The first and the last byte, both included. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** A finished file on this machine. */
export interface LocalFile {
  readonly path: string
  readonly size: number
  /** In hex. */
  readonly sha256: string
  /** Resolves when its bytes survive a power cut. */
  sync(): Promise<void>
}

/** What somebody who fetches bytes at an address of the store gets beside them. */
export interface LinkOptions {
  readonly contentType: string
  readonly disposition: string
}

/** The store cannot do its work now; what it says is for the log. */
export class BlobStoreError extends Error {
  override name = 'BlobStoreError'
  readonly code = 'BLOB_STORE'
}

/**
 * Where the bytes of media are kept under keys that we choose and never use twice. Which keys there are is known from
 * the database alone.
 */
export interface BlobStore {
  /**
   * Makes sure that the store can be used, and that it holds the bytes of this database alone. A place that is nobody's becomes
   * that of the database where it is new to it, and yields false else. Throws a `StartupError` where the operator must do
   * something, and a `BlobStoreError` where the store cannot be reached.
   */
  claim(owner: string, options: { isNew: boolean }): Promise<boolean>
  /** Takes over a file, or a copy of it. When it resolves, the bytes survive a power cut. */
  put(key: string, file: LocalFile): Promise<void>
  /**
   * Opens a part of the bytes; undefined where there is no such key. A short part comes at once; read a stream, or destroy
   * it.
   */
  open(key: string, range: ByteRange): Promise<Readable | Uint8Array | undefined>
  /** Lends the bytes as a local file, for programs that read files; undefined where there is no such key. */
  useFile<T>(key: string, use: (path: string) => Promise<T>): Promise<T | undefined>
  /** In bytes; undefined where there is no such key. */
  sizeOf(key: string): Promise<number | undefined>
  /** Does nothing where there is no such key. */
  delete(key: string): Promise<void>
  /** All keys of ours in pages, for whoever looks for bytes that nobody knows of. */
  list(): AsyncIterable<readonly string[]>
  /** Removes what uploads that were interrupted before a time, in ms since 1970, have left behind outside of any key. */
  tidy(before: number): Promise<void>
  /** Gives the place up; there is nothing of ours left in it. */
  abandon(): Promise<void>
  /** An address at which others can fetch the bytes for a while; only stores that may give some have it. */
  readonly link?: ((key: string, options: LinkOptions) => Promise<string>) | undefined
  /** Closes connections. */
  close(): void
}

/** Whether a name in a store is that of a blob. Others are left alone. */
export function isBlobKey(name: string): boolean {
  return /^[0-9a-f]{64}-[A-Za-z0-9]{1,32}$/.test(name)
}
