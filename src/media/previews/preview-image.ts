import type { Tx } from '../../db/database.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { ServerName } from '../../matrix/ids.ts'
import { formatMxc } from '../../matrix/mxc.ts'
import type { Clock } from '../../util/clock.ts'
import { randomString } from '../../util/random.ts'
import type { Blobs } from '../blobs.ts'
import { detectType } from '../detect-type.ts'
import type { Spool } from '../spool.ts'
import { insertMedia } from '../store-media.ts'
import type { Pictures } from '../thumbnails/pictures.ts'
import type { Web } from './web.ts'

export interface PreviewImage {
  readonly mediaNid: number
  /** What a preview says about it. */
  readonly properties: JsonObject
}

export interface PreviewImages {
  /**
   * Fetches a picture and keeps it as media of ours, together with what `attach` writes. Throws where it is none, or too
   * large.
   */
  fetch(url: URL, signal: AbortSignal, attach: (tx: Tx, image: PreviewImage) => Promise<void>): Promise<PreviewImage>
}

export interface PreviewImagesDeps {
  readonly clock: Clock
  readonly serverName: ServerName
  readonly blobs: Blobs
  readonly spool: Spool
  readonly pictures: Pictures
  readonly web: Web
  readonly maxBytes: number
}

export function createPreviewImages(deps: PreviewImagesDeps): PreviewImages {
  const { clock, serverName, blobs, spool, pictures, web, maxBytes } = deps

  /** The size of a picture, where it can be told here. */
  async function sizeOf(path: string, signal: AbortSignal): Promise<JsonObject> {
    try {
      const { probe } = await pictures.library()
      const { width, height } = await pictures.work(() => probe(path), signal)
      return { 'og:image:width': width, 'og:image:height': height }
    } catch {
      return {}
    }
  }

  return {
    fetch: async (url, signal, attach) => {
      const response = await web.get(url, { accept: 'image/*', signal, maxBytes })
      await using file = await spool.write(response.body)
      const type = await detectType(file.head)
      if (!type?.startsWith('image/')) throw new Error('this is no picture')
      const ref = { origin: serverName, mediaId: randomString(24) }
      const properties = {
        'og:image': formatMxc(ref),
        'og:image:type': type,
        'matrix:image:size': file.size,
        ...(await sizeOf(file.path, signal)),
      }
      return await blobs.keep(file, async (tx, blob) => {
        const facts = { contentType: type, fileName: undefined, createdTs: clock.now() }
        const media = { ...ref, ...facts, uploader: null, kind: 'preview' as const }
        const image = { mediaNid: await insertMedia(tx, media, blob), properties }
        await attach(tx, image)
        return image
      })
    },
  }
}
