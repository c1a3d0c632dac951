/** What has come and gone since the server started. */
export interface Traffic {
  readonly uploads: { files: number; bytes: number }
  readonly downloads: Readonly<Record<'local' | 'remote', { files: number; bytes: number }>>
  /** Uploads that were turned away, by the reason. */
  readonly refusals: Record<'quota' | 'type' | 'size', number>
}

export function createTraffic(): Traffic {
  const none = () => ({ files: 0, bytes: 0 })
  return {
    uploads: none(),
    downloads: { local: none(), remote: none() },
    refusals: { quota: 0, type: 0, size: 0 },
  }
}

/** Adds a file to a sum. */
export function addFile(sum: { files: number; bytes: number }, bytes: number): void {
  sum.files += 1
  sum.bytes += bytes
}
