import type { Clock } from '../../util/clock.ts'
import type { LinkOptions } from '../blob-store.ts'
import type { S3 } from './client.ts'
import type { S3Options } from './options.ts'
import { presign } from './presign.ts'

type Run = <T>(task: (s3: S3) => Promise<T>) => Promise<T>

/** Addresses at which a file can be fetched from the storage itself; undefined where nobody is to be sent there. */
export function createLinks(run: Run, options: S3Options, clock: Clock) {
  const { links, region } = options
  if (!links) return undefined
  const seconds = Math.max(1, Math.floor(links.lifetimeMs / 1000))
  return (key: string, { contentType, disposition }: LinkOptions): Promise<string> =>
    run(async ({ client }) => {
      const url = addressOf(options, links.endpoint, key)
      url.searchParams.set('response-content-type', contentType)
      url.searchParams.set('response-content-disposition', disposition)
      const keys = await client.config.credentials()
      return presign(url, { keys, region, now: clock.now(), seconds })
    })
}

function addressOf(options: S3Options, publicEndpoint: string | undefined, key: string): URL {
  const { region, bucket, prefix, forcePathStyle } = options
  const url = new URL(publicEndpoint ?? options.endpoint ?? `https://s3.${region}.amazonaws.com`)
  const path = url.pathname.replace(/\/$/, '')
  const name = (prefix + key).split('/').map(encodeURIComponent).join('/')
  if (forcePathStyle) url.pathname = `${path}/${bucket}/${name}`
  else {
    url.host = `${bucket}.${url.host}`
    url.pathname = `${path}/${name}`
  }
  return url
}
