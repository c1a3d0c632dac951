/** A place in an object storage that speaks S3. */
export interface S3Options {
  /** Undefined: that of Amazon in the region. */
  readonly endpoint: string | undefined
  readonly region: string
  readonly bucket: string
  /** What all our keys start with: empty, or with a slash at its end. */
  readonly prefix: string
  /** Undefined: what the environment or the machine offers, as with other programs for S3. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined
  /** The bucket stands in the path of addresses, and not in front of the host. */
  readonly forcePathStyle: boolean
  readonly storageClass: string | undefined
  /** How long nothing may come, in ms. */
  readonly timeoutMs: number
  /** Undefined: nobody is sent to the storage itself. */
  readonly links: { readonly endpoint: string | undefined; readonly lifetimeMs: number } | undefined
}

/** For sentences that people read. */
export function placeOf({ endpoint, region }: S3Options): string {
  return endpoint ?? `Amazon S3 in ${region}`
}
