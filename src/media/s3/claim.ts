import { z } from 'zod'
import { StartupError } from '../../util/part.ts'
import type { S3 } from './client.ts'
import { isNoSuchKey } from './errors.ts'
import { placeOf, type S3Options } from './options.ts'

/** The object that says whose files lie beside it. */
const name = 'ringback.json'
const owned = z.object({ database: z.string() })

/**
 * Marks the place as that of one database: what another one knows nothing of, its sweep would delete. False where the place was
 * not marked before.
 */
export async function claim({ sdk, client }: S3, options: S3Options, owner: string): Promise<boolean> {
  const target = { Bucket: options.bucket, Key: options.prefix + name }
  const known = await read()
  if (known === undefined) {
    const Body = `${JSON.stringify({ database: owner })}\n`
    await client.send(new sdk.PutObjectCommand({ ...target, Body, ContentType: 'application/json' }))
    return false
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
