import type { Config } from './config/schema.ts'
import type { S3Options } from './media/s3/options.ts'

/** The object storage that the configuration names; undefined where there is none. */
export function s3OptionsOf(storage: Config['media']['storage']): S3Options | undefined {
  const { endpoint, bucket, access_key_id: accessKeyId, secret_access_key: secretAccessKey } = storage
  if (bucket === undefined) return undefined
  return {
    endpoint,
    region: storage.region,
    bucket,
    prefix: storage.prefix,
    credentials:
      accessKeyId === undefined || secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey },
    forcePathStyle: storage.force_path_style ?? endpoint !== undefined,
    storageClass: storage.storage_class,
    timeoutMs: storage.timeout,
    links: storage.redirect ? { endpoint: storage.public_endpoint, lifetimeMs: storage.link_lifetime } : undefined,
  }
}
