import type { CompletedPart } from '@aws-sdk/client-s3'
import { mapLimit } from '../../util/async.ts'
import type { Log } from '../../util/log.ts'
import type { ByteRange, LocalFile } from '../blob-store.ts'
import { partBytes, withBody } from './bodies.ts'
import type { S3 } from './client.ts'

export interface Target {
  readonly Bucket: string
  readonly Key: string
}

/** S3 takes 10,000. */
const mostParts = 9_000
const partsAtATime = 4

type Settings = { readonly StorageClass?: 'STANDARD' }

/** Sends a file, in parts where it is large. The hash of what is sent is signed with each request, so that the storage refuses what arrives changed. */
export async function upload(s3: S3, target: Target, file: LocalFile, settings: Settings, log: Log): Promise<void> {
  if (file.size > partBytes) return uploadParts(s3, target, file, settings, log)
  await withBody(file.path, { start: 0, end: file.size - 1 }, async ({ Body, sha256 }) => {
    const command = new s3.sdk.PutObjectCommand({ ...target, ...settings, Body })
    command.middlewareStack.add(withHash(sha256), { step: 'build' })
    await s3.client.send(command)
  })
}

async function uploadParts(s3: S3, target: Target, file: LocalFile, settings: Settings, log: Log): Promise<void> {
  const { sdk, client } = s3
  const length = Math.max(partBytes, Math.ceil(file.size / mostParts))
  const ranges = Array.from({ length: Math.ceil(file.size / length) }, (_, i) => ({
    start: i * length,
    end: Math.min((i + 1) * length, file.size) - 1,
  }))
  const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand({ ...target, ...settings }))
  if (UploadId === undefined) throw new Error('the storage gave no id for an upload in parts')
  const failed = new AbortController()
  const send = (range: ByteRange, index: number): Promise<CompletedPart> =>
    withBody(
      file.path,
      range,
      async ({ Body, sha256 }) => {
        const command = new sdk.UploadPartCommand({ ...target, UploadId, PartNumber: index + 1, Body })
        command.middlewareStack.add(withHash(sha256), { step: 'build' })
        const { ETag } = await client.send(command, { abortSignal: failed.signal })
        return { PartNumber: index + 1, ...(ETag !== undefined && { ETag }) }
      },
      failed.signal,
    )
  const sending: Promise<CompletedPart>[] = []
  try {
    const Parts = await mapLimit(ranges, partsAtATime, (range, index) => {
      const part = send(range, index)
      sending.push(part)
      return part
    })
    await client.send(new sdk.CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }))
  } catch (error) {
    failed.abort()
    // A part that arrives after the end of its upload would be paid for and seen by nobody.
    await Promise.allSettled(sending)
    await client.send(new sdk.AbortMultipartUploadCommand({ ...target, UploadId })).catch((err: unknown) => {
      log.warn({ err, key: target.Key }, 'parts of a failed upload are left to the daily sweep')
    })
    throw error
  }
}

/** A step in making a request that says what the hash of its body is, which is known already. */
function withHash(sha256: string) {
  return <Args extends { request: unknown }, Result>(next: (args: Args) => Result) =>
    (args: Args): Result => {
      const { request } = args
      const headers: unknown = typeof request === 'object' && request ? Reflect.get(request, 'headers') : undefined
      if (typeof headers === 'object' && headers) Reflect.set(headers, 'x-amz-content-sha256', sha256)
      return next(args)
    }
}
