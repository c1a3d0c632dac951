import type { ExpressionBuilder, Insertable, Selectable } from 'kysely'
import { contains } from '../../db/contains.ts'
import type { Reader, Tx } from '../../db/database.ts'
import type { Schema } from '../../db/schema.ts'

export type ReportKind = 'event' | 'room' | 'user'
export type ReportRow = Selectable<Schema['reports']>

/** What a list is narrowed to: parts of the ids. */
export interface ReportFilter {
  readonly kind: ReportKind
  readonly reporter?: string | undefined
  readonly roomId?: string | undefined
  readonly userId?: string | undefined
}

export interface ReportPage {
  readonly offset: number
  readonly limit: number
  readonly newestFirst: boolean
}

export async function insertReport(tx: Tx, report: Omit<Insertable<Schema['reports']>, 'report_id'>): Promise<void> {
  await tx.qb.insertInto('reports').values(report).execute()
}

function matches(filter: ReportFilter) {
  const parts = [
    ['reporter', filter.reporter],
    ['room_id', filter.roomId],
    ['user_id', filter.userId],
  ] as const
  return (eb: ExpressionBuilder<Schema, 'reports'>) =>
    eb.and([
      eb('kind', '=', filter.kind),
      ...parts.flatMap(([column, part]) => (part === undefined ? [] : [contains(eb.ref(column), part)])),
    ])
}

export async function listReportRows(reader: Reader, filter: ReportFilter, page: ReportPage): Promise<ReportRow[]> {
  return reader.qb
    .selectFrom('reports')
    .selectAll()
    .where(matches(filter))
    .orderBy('report_id', page.newestFirst ? 'desc' : 'asc')
    .offset(page.offset)
    .limit(page.limit)
    .execute()
}

export async function countReports(reader: Reader, filter: ReportFilter): Promise<number> {
  const row = await reader.qb
    .selectFrom('reports')
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .where(matches(filter))
    .executeTakeFirstOrThrow()
  return row.n
}

export async function getReport(reader: Reader, kind: ReportKind, reportId: number): Promise<ReportRow | undefined> {
  return reader.qb
    .selectFrom('reports')
    .selectAll()
    .where('report_id', '=', reportId)
    .where('kind', '=', kind)
    .executeTakeFirst()
}

/** False where there is no such report. */
export async function deleteReport(tx: Tx, kind: ReportKind, reportId: number): Promise<boolean> {
  const result = await tx.qb
    .deleteFrom('reports')
    .where('report_id', '=', reportId)
    .where('kind', '=', kind)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}
