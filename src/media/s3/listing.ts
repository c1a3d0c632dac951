import { isBlobKey } from '../blob-store.ts'
import type { S3 } from './client.ts'
import type { S3Options } from './options.ts'

type Run = <T>(task: (s3: S3) => Promise<T>) => Promise<T>

/** The keys of blobs under our prefix, up to 1,000 at a time. */
export async function* listKeys(run: Run, { bucket, prefix }: S3Options): AsyncGenerator<readonly string[]> {
  let token: string | undefined
  do {
    const from = token === undefined ? {} : { ContinuationToken: token }
    const page = await run(({ sdk, client }) =>
      client.send(new sdk.ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ...from })),
    )
    const keys = (page.Contents ?? []).flatMap(({ Key = '' }) => {
      const key = Key.slice(prefix.length)
      return isBlobKey(key) ? [key] : []
    })
    if (keys.length > 0) yield keys
    token = page.IsTruncated ? page.NextContinuationToken : undefined
  } while (token !== undefined)
}

/** Ends uploads in parts that began before a time: their parts are in no listing, and are paid for. */
export async function tidyUploads({ sdk, client }: S3, { bucket, prefix }: S3Options, before: number): Promise<void> {
  let marker: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {}
  while (marker) {
    const page: import('@aws-sdk/client-s3').ListMultipartUploadsCommandOutput = await client.send(
      new sdk.ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, ...marker }),
    )
    for (const { Key = '', UploadId, Initiated } of page.Uploads ?? []) {
      if (UploadId === undefined || !Initiated || Initiated.getTime() >= before) continue
      if (isBlobKey(Key.slice(prefix.length))) {
        await client.send(new sdk.AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }))
      }
    }
    const { NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page
    const next = { ...(KeyMarker && { KeyMarker }), ...(UploadIdMarker && { UploadIdMarker }) }
    marker = page.IsTruncated && KeyMarker ? next : undefined
  }
}
