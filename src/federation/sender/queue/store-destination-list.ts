import { contains } from '../../../db/contains.ts'
import type { Reader } from '../../../db/database.ts'
import type { DestinationRow } from './store-destinations.ts'

export const destinationOrders = [
  'destination',
  'retry_last_ts',
  'retry_interval',
  'failure_ts',
  'last_successful_stream_ordering',
] as const

export type DestinationOrder = (typeof destinationOrders)[number]

const columns = {
  destination: 'destination',
  retry_last_ts: 'failed_ts',
  retry_interval: 'attempts',
  failure_ts: 'failing_since',
  last_successful_stream_ordering: 'sent_pos',
} as const satisfies Record<DestinationOrder, keyof DestinationRow>

export interface DestinationPage {
  readonly offset: number
  readonly limit: number
  readonly order: DestinationOrder
  readonly descending: boolean
}

function matching(reader: Reader, part: string | undefined) {
  const query = reader.qb.selectFrom('federation_destinations')
  return part === undefined ? query : query.where((eb) => contains(eb.ref('destination'), part))
}

/** Servers that something was ever sent to; `part` stands somewhere in their names. */
export async function listDestinations(
  reader: Reader,
  part: string | undefined,
  page: DestinationPage,
): Promise<{ total: number; rows: DestinationRow[] }> {
  const count = await matching(reader, part)
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .executeTakeFirst()
  const rows = await matching(reader, part)
    .selectAll()
    .orderBy(columns[page.order], page.descending ? 'desc' : 'asc')
    .orderBy('destination')
    .limit(page.limit)
    .offset(page.offset)
    .execute()
  return { total: count?.n ?? 0, rows }
}
