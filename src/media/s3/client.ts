import type { S3Client } from '@aws-sdk/client-s3'
import type { S3Options } from './options.ts'

/** The library and a client of it. */
export interface S3 {
  readonly sdk: typeof import('@aws-sdk/client-s3')
  readonly client: S3Client
}

/** More connections at a time wait for one of these; each download that is under way holds one. */
const mostConnections = 512
const connectMs = 5_000
const attempts = 3
const ignore = () => {}

/** Loads the library, which takes a tenth of a second and 35 MB, when it is first used. */
export function createS3({ endpoint, region, credentials, forcePathStyle, timeoutMs }: S3Options) {
  let loaded: Promise<S3> | undefined
  async function load(): Promise<S3> {
    const sdk = await import('@aws-sdk/client-s3')
    const agent = { keepAlive: true, maxSockets: mostConnections }
    const client = new sdk.S3Client({
      region,
      forcePathStyle,
      maxAttempts: attempts,
      ...(endpoint !== undefined && { endpoint }),
      ...(credentials && { credentials }),
      requestHandler: {
        httpAgent: agent,
        httpsAgent: agent,
        connectionTimeout: connectMs,
        socketTimeout: timeoutMs,
      },
      // Only Amazon knows the newer checksums; every storage checks the hash that is signed.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      // Otherwise it writes to the console.
      logger: { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore },
      // It would take a new connection for each larger file.
      expectContinueHeader: false,
    })
    return { sdk, client }
  }
  return {
    get: (): Promise<S3> => {
      loaded ??= load()
      return loaded
    },
    close: () => void loaded?.then(({ client }) => client.destroy()),
  }
}

export type S3Connection = ReturnType<typeof createS3>
