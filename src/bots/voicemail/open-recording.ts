import { Readable } from 'node:stream'
import { errors } from '../../matrix/errors.ts'
import { parseMxc } from '../../matrix/mxc.ts'
import type { FindOptions } from '../../media/downloads.ts'
import type { Media } from '../../media/media.ts'

export interface OpenRecording {
  /** In bytes. */
  readonly size: number
  open(): Promise<Readable>
}

/** The recording at an `mxc:` address, which counts as fetched by nobody. Throws `M_NOT_FOUND` where it is not to be had. */
export async function findRecording(
  media: Pick<Media, 'downloads' | 'served'>,
  mxc: string,
  options: FindOptions,
): Promise<OpenRecording> {
  const ref = parseMxc(mxc)
  if (!ref) throw errors.notFound('There is no such media')
  const found = await media.downloads.find(ref, options)
  const { size, open } = media.served(found, undefined)
  return {
    size,
    open: async () => {
      const bytes = size === 0 ? new Uint8Array() : await open({ start: 0, end: size - 1 })
      if (!bytes) throw errors.notFound('The media has been deleted')
      return bytes instanceof Uint8Array ? Readable.from([Buffer.from(bytes)]) : bytes
    },
  }
}
