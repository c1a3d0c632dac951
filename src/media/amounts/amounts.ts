import type { Database, Reader } from '../../db/database.ts'
import type { MediaKind } from '../../db/schema/media-admin.ts'
import { yieldNow } from '../../util/async.ts'
import { type Amount, sumBlobPage, sumMediaPage, sumThumbnailPage } from './store-amounts.ts'

export type { Amount } from './store-amounts.ts'

const pageSize = 5000

type SumPage<K> = (reader: Reader, after: number, limit: number) => Promise<(Amount & { kind?: K; last: number })[]>

/** Adds up in pages, so that nothing waits for it; what changes meanwhile may be counted or not. */
async function sum<K extends string>(db: Database, page: SumPage<K>, kind: K): Promise<Map<K, Amount>> {
  const sums = new Map<K, Amount>()
  for (let after = 0; ; ) {
    const from = after
    const found = await db.read((reader) => page(reader, from, pageSize))
    if (found.length === 0) return sums
    for (const { files, bytes, last, ...rest } of found) {
      const key = rest.kind ?? kind
      const known = sums.get(key) ?? { files: 0, bytes: 0 }
      sums.set(key, { files: known.files + files, bytes: known.bytes + bytes })
      after = Math.max(after, last)
    }
    await yieldNow()
  }
}

/** How much media with content there is of each kind. */
export const sumMedia = (db: Database): Promise<Map<MediaKind | 'thumbnail', Amount>> =>
  sum<MediaKind | 'thumbnail'>(db, sumMediaPage, 'local')

/** How many thumbnails the server has made. */
export async function sumThumbnails(db: Database): Promise<Amount> {
  return (await sum(db, sumThumbnailPage, 'thumbnail')).get('thumbnail') ?? { files: 0, bytes: 0 }
}

/** How much is stored: contents that are the same count once. */
export async function sumBlobs(db: Database): Promise<Amount> {
  return (await sum(db, sumBlobPage, 'blob')).get('blob') ?? { files: 0, bytes: 0 }
}
