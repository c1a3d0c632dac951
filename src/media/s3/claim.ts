import { z } from 'zod'
import { StartupError } from '../../util/part.ts'
import type { S3 } from './client.ts'
import { isNoSuchKey } from './errors.ts'
import { placeOf, type S3Options } from './options.ts'

/** The object that says whose files lie beside it. */
const name = 'ringback.json'
const owned = z.object({ database: z.string() })

/**
 * Whether the place carries the mark of a database, which keeps others from sweeping away what they know nothing of; an unmarked one
 * is marked where it is new. Throws a `StartupError` where it is marked as that of another.
 */
export async function claim({ sdk, client }: S3, options: S3Options, owner: string, isNew: boolean): Promise<boolean> {
  const target = { Bucket: options.bucket, Key: options.prefix + name }
  const known = await read()
  if (known === undefined) {
    if (!isNew) return false
    const Body = `${JSON.stringify({ database: owner })}\n`
    await client.send(new sdk.PutObjectCommand({ ...target, Body, ContentType: 'application/json' }))
    return true
  }
  if (known !== owner) {
    throw new StartupError(
      `The bucket "${options.bucket}" at ${placeOf(options)} holds the media of another Ringback database${options.prefix && ` under "${options.prefix}"`}; set another media.storage.prefix, or remove ${target.Key} there if that database is gone for good.`,
    )
  }
  return true

  async function read(): Promise<string | undefined> {
    try {
      const { Body } = await client.send(new sdk.GetObjectCommand(target))
      const parsed = owned.safeParse(JSON.parse((await Body?.transformToString()) ?? ''))
      return parsed.data?.database ?? ''
    } catch (error) {
      if (isNoSuchKey(error)) return undefined
      if (error instanceof SyntaxError) return ''
      throw error
    }
  }
}

/** Removes the mark. */
export async function unclaim({ sdk, client }: S3, { bucket, prefix }: S3Options): Promise<void> {
  await client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key: prefix + name }))
}
