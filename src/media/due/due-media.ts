import type { Database } from '../../db/database.ts'
import type { ServerName } from '../../matrix/ids.ts'
import { formatMxc } from '../../matrix/mxc.ts'
import type { Delivery } from '../delivery/delivery.ts'
import type { Retention } from '../retention/retention.ts'
import { listByNumber } from './store-due-media.ts'

/** Something that a sweep would delete now. */
export interface DueEntry {
  /** Null: a thumbnail that the server has made. */
  readonly mxc: string | null
  readonly kind: string
  readonly reason: string
  readonly size: number
  readonly sha256: string
  readonly uploader: string | null
  readonly createdTs: number
  readonly usedTs: number | null
}

export interface DueMedia {
  /** The first of them. */
  readonly entries: DueEntry[]
  /** All by kind and reason; of what is due because of its delivery at most `limit`. */
  readonly sums: { kind: string; reason: string; files: number; bytes: number }[]
}

interface Deps {
  readonly db: Database
  readonly delivery: Pick<Delivery, 'preview'>
  readonly retention: Pick<Retention, 'preview'>
}

/** What a sweep would delete now, by all rules, and why: nothing is changed. */
export async function listDueMedia({ db, delivery, retention }: Deps, limit: number): Promise<DueMedia> {
  const entries: DueEntry[] = []
  const sums = new Map<string, DueMedia['sums'][number]>()
  const add = (entry: DueEntry) => {
    const { kind, reason, size } = entry
    const key = `${kind} ${reason}`
    const sum = sums.get(key) ?? { kind, reason, files: 0, bytes: 0 }
    sums.set(key, { ...sum, files: sum.files + 1, bytes: sum.bytes + size })
    if (entries.length < limit) entries.push(entry)
  }
  const delivered = await delivery.preview(limit)
  const reasons = new Map(delivered.map(({ mediaNid, reason }) => [mediaNid, reason]))
  for (const row of await db.read((reader) => listByNumber(reader, [...reasons.keys()]))) {
    const { nid, origin, mediaId, ...facts } = row
    // The rows are ours.
    const mxc = formatMxc({ origin: origin as ServerName, mediaId })
    add({ ...facts, mxc, kind: row.kind ?? 'local', reason: reasons.get(nid) ?? '' })
  }
  await retention.preview((thing) => {
    if (thing.kind === 'local' && reasons.has(thing.nid)) return
    const { ref, kind, reason, size, sha256, uploader, createdTs, usedTs } = thing
    const mxc = ref ? formatMxc({ origin: ref.origin as ServerName, mediaId: ref.mediaId }) : null
    add({ mxc, kind, reason, size, sha256, uploader, createdTs, usedTs })
  })
  return { entries, sums: [...sums.values()] }
}
