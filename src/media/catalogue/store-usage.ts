import { sql } from 'kysely'
import { contains } from '../../db/contains.ts'
import type { Reader } from '../../db/database.ts'

export const usageOrders = ['user_id', 'displayname', 'media_length', 'media_count'] as const

export interface UsageRequest {
  readonly fromTs: number | undefined
  readonly untilTs: number | undefined
  readonly search: string | undefined
  readonly order: (typeof usageOrders)[number]
  readonly descending: boolean
  readonly offset: number
  readonly limit: number
}

/** How much people have uploaded that is still here, and how many of them there are. */
export async function listUsage(reader: Reader, request: UsageRequest) {
  const { fromTs, untilTs, search, order, descending, offset, limit } = request
  let uploads = reader.qb.selectFrom('media as m').where('m.uploader', 'is not', null).where('m.state', '=', 'live')
  if (fromTs !== undefined) uploads = uploads.where('m.created_ts', '>=', fromTs)
  if (untilTs !== undefined) uploads = uploads.where('m.created_ts', '<=', untilTs)
  const sums = uploads
    .select(({ fn }) => [
      'm.uploader as user_id',
      fn.countAll<number>().as('media_count'),
      sql<number>`cast(sum(m.size) as bigint)`.as('media_length'),
    ])
    .groupBy('m.uploader')
  let users = reader.qb
    .selectFrom(sums.as('s'))
    .leftJoin('profile_fields as f', (join) =>
      join.onRef('f.user_id', '=', 's.user_id').on('f.name', '=', 'displayname'),
    )
  if (search !== undefined) {
    users = users.where(({ or, ref }) => or([contains(ref('s.user_id'), search), contains(ref('f.value'), search)]))
  }
  const { total } = await users.select(({ fn }) => fn.countAll<number>().as('total')).executeTakeFirstOrThrow()
  const rows = await users
    .select(['s.user_id', 's.media_count', 's.media_length', 'f.value as displayname'])
    .orderBy(order === 'displayname' ? 'f.value' : `s.${order}`, descending ? 'desc' : 'asc')
    .orderBy('s.user_id')
    .offset(offset)
    .limit(limit)
    .execute()
  return { total, rows }
}
