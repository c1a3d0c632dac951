import { StartupError } from '../../util/part.ts'
import { BlobStoreError } from '../blob-store.ts'
import { placeOf, type S3Options } from './options.ts'

/** The name that S3, or the library for it, gives to an error. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  const code: unknown = Reflect.get(error, 'Code') ?? Reflect.get(error, 'code')
  return error.name === 'Error' || error.name === 'UnknownError' ? String(code ?? error.name) : error.name
}

export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  const metadata: unknown = Reflect.get(error, '$metadata')
  const status: unknown = typeof metadata === 'object' && metadata ? Reflect.get(metadata, 'httpStatusCode') : undefined
  return typeof status === 'number' ? status : undefined
}

/** There is a bucket, but no such key in it. */
export function isNoSuchKey(error: unknown): boolean {
  return ['NoSuchKey', 'NotFound'].includes(codeOf(error))
}

/** Whether the same request may succeed a moment later. */
function isTransient(error: unknown): boolean {
  const status = statusOf(error)
  return status === undefined
    ? !isMistake(error)
    : status >= 500 || status === 429 || codeOf(error) === 'RequestTimeout'
}

/** What only the operator can put right. */
function isMistake(error: unknown): boolean {
  return codeOf(error) === 'CredentialsProviderError' || codeOf(error) === 'ENOSPC'
}

/** For the log and for whoever asked: the cause in one sentence, with the error behind it. */
export function storeError(error: unknown, options: S3Options): Error {
  if (error instanceof BlobStoreError) return error
  return new BlobStoreError(explain(error, options), { cause: error })
}

/** At the start: what the operator can put right ends it. */
export function startError(error: unknown, options: S3Options): Error {
  if (error instanceof StartupError) return error
  return isTransient(error) ? storeError(error, options) : new StartupError(explain(error, options), { cause: error })
}

function explain(error: unknown, options: S3Options): string {
  const { bucket, region } = options
  const code = codeOf(error)
  const place = placeOf(options)
  switch (code) {
    case 'NoSuchBucket':
      return `There is no bucket "${bucket}" at ${place}; create it, or correct media.storage.bucket.`
    case 'InvalidAccessKeyId':
    case 'SignatureDoesNotMatch':
    case 'InvalidClientTokenId':
    case 'AuthFailure':
    case 'ExpiredToken':
      return `${place} refuses the credentials of media.storage (${code}); correct access_key_id and secret_access_key.`
    case 'CredentialsProviderError':
      return 'media.storage has no credentials; set access_key_id and secret_access_key.'
    case 'PermanentRedirect':
    case 'AuthorizationHeaderMalformed':
    case 'IllegalLocationConstraintException':
      return `The bucket "${bucket}" is not in the region "${region}"; correct media.storage.region.`
    case 'RequestTimeTooSkewed':
      return `The clock of this machine differs from that of ${place}; correct it.`
  }
  const status = statusOf(error)
  if (status === 403) {
    return `The credentials of media.storage may not use the bucket "${bucket}" at ${place} (${code}); let them read, write, list and delete objects there.`
  }
  if (status !== undefined) return `${place} answered with status ${status} (${code}).`
  return `${place} cannot be reached (${code}); check media.storage.endpoint.`
}
