import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { errors } from '../../matrix/errors.ts'
import { listQuery } from '../list-query.ts'
import type { Report, ReportKind } from './reports.ts'

const query = listQuery.extend({
  dir: z.enum(['b', 'f']).default('b'),
  user_id: z.string().optional(),
  room_id: z.string().optional(),
  event_sender_user_id: z.string().optional(),
  target_user_id: z.string().optional(),
})

/** As existing tools know the list of reported events; those of rooms and users are alike. */
const lists: readonly { kind: ReportKind; name: string; toJson(report: Report): object }[] = [
  {
    kind: 'event',
    name: 'event_reports',
    toJson: (report) => ({ ...common(report), ...roomOf(report), event_id: report.event_id, sender: report.user_id }),
  },
  { kind: 'room', name: 'room_reports', toJson: (report) => ({ ...common(report), ...roomOf(report) }) },
  { kind: 'user', name: 'user_reports', toJson: (report) => ({ ...common(report), target_user_id: report.user_id }) },
]

function common({ report_id, created_ts, reporter, reason }: Report) {
  return { id: report_id, received_ts: created_ts, user_id: reporter, reason, score: null }
}

function roomOf({ room_id, roomName, canonicalAlias }: Report) {
  return { room_id, name: roomName ?? null, canonical_alias: canonicalAlias ?? null }
}

function reportIdOf(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw errors.invalidParam('A report is named by a number')
  return Number(text)
}

/** Administrators read what was reported. */
export function reportListRoutes({ admin }: Pick<AppContext, 'admin'>): Endpoint[] {
  const { reports } = admin
  return lists.flatMap(({ kind, name, toJson }) => {
    const path = `/_synapse/admin/v1/${name}` as const
    return [
      endpoint({ method: 'GET', path, auth: 'admin', query }, async ({ query: wanted }) => {
        const { from, limit } = wanted
        const found = await reports.list(
          {
            kind,
            reporter: wanted.user_id,
            roomId: wanted.room_id,
            userId: wanted.event_sender_user_id ?? wanted.target_user_id,
          },
          { offset: from, limit, newestFirst: wanted.dir === 'b' },
        )
        const next = from + found.reports.length
        return {
          [name]: found.reports.map(toJson),
          total: found.total,
          ...(next < found.total && { next_token: next }),
        }
      }),
      endpoint({ method: 'GET', path: `${path}/{reportId}`, auth: 'admin' }, async ({ params }) => {
        const { report, event } = await reports.get(kind, reportIdOf(params.reportId))
        return { ...toJson(report), ...(event && { event_json: { ...event.pdu, event_id: event.eventId } }) }
      }),
      endpoint({ method: 'DELETE', path: `${path}/{reportId}`, auth: 'admin' }, async ({ params }) => {
        await reports.delete(kind, reportIdOf(params.reportId))
        return {}
      }),
    ]
  })
}
