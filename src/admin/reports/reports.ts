import type { Accounts } from '../../accounts/accounts.ts'
import type { Database, Reader, Tx } from '../../db/database.ts'
import { canonicalAliasOf, roomNameOf } from '../../matrix/content.ts'
import { errors } from '../../matrix/errors.ts'
import { isUserId, type UserId } from '../../matrix/ids.ts'
import type { Media } from '../../media/media.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import type { StoredEvent } from '../../rooms/types.ts'
import { requireVisibleEvent } from '../../rooms/visible-event.ts'
import type { Clock } from '../../util/clock.ts'
import {
  countReports,
  deleteReport,
  getReport,
  insertReport,
  listReportRows,
  type ReportFilter,
  type ReportKind,
  type ReportPage,
  type ReportRow,
} from './store-reports.ts'

export type { ReportFilter, ReportKind, ReportPage } from './store-reports.ts'

/** A report with what its room is called today. */
export interface Report extends ReportRow {
  readonly roomName: string | undefined
  readonly canonicalAlias: string | undefined
}

export interface Reports {
  /** For those who are in the room. Throws `404 M_NOT_FOUND` for events that the reporter cannot see. */
  reportEvent(reporter: UserId, roomId: string, eventId: string, reason: string | undefined): Promise<void>
  /** Throws `404 M_NOT_FOUND` for rooms that this server does not know. */
  reportRoom(reporter: UserId, roomId: string, reason: string): Promise<void>
  /** Says nothing of whether there is such a user. Throws `400 M_INVALID_PARAM` for what is no user id. */
  reportUser(reporter: UserId, userId: string, reason: string): Promise<void>
  list(filter: ReportFilter, page: ReportPage): Promise<{ reports: Report[]; total: number }>
  /** Throws `404 M_NOT_FOUND`. */
  get(kind: ReportKind, reportId: number): Promise<{ report: Report; event: StoredEvent | undefined }>
  /** Throws `404 M_NOT_FOUND`. */
  delete(kind: ReportKind, reportId: number): Promise<void>
}

interface Deps {
  readonly db: Database
  readonly clock: Clock
  readonly accounts: Pick<Accounts, 'isLocalUser' | 'users'>
  readonly media: Pick<Media, 'delivery'>
  readonly rooms: Pick<Rooms, 'reads'>
}

/** In characters; a report is for people to read. */
const maxReason = 10_000

/** https://spec.matrix.org/v1.19/client-server-api/#reporting-content */
export function createReports({ db, clock, accounts, media, rooms }: Deps): Reports {
  const { reads } = rooms
  const unknown = () => errors.notFound('There is no such report')

  async function insert(
    tx: Tx,
    report: Pick<ReportRow, 'kind' | 'reporter'> & Partial<Pick<ReportRow, 'room_id' | 'event_id' | 'user_id'>>,
    reason: string | undefined,
  ): Promise<void> {
    if ((reason?.length ?? 0) > maxReason) throw errors.tooLarge(`A reason has at most ${maxReason} characters`)
    await insertReport(tx, {
      room_id: null,
      event_id: null,
      user_id: null,
      ...report,
      reason: reason ?? null,
      created_ts: clock.now(),
    })
  }

  async function withRoom(reader: Reader, row: ReportRow): Promise<Report> {
    const room = row.room_id === null ? undefined : await reads.roomById(reader, row.room_id)
    const entry = async (type: string) => (await reads.view.entry(reader, room?.stateNid, type, ''))?.pdu
    return {
      ...row,
      roomName: roomNameOf(await entry('m.room.name')),
      canonicalAlias: canonicalAliasOf(await entry('m.room.canonical_alias')),
    }
  }

  async function isKnown(reader: Reader, userId: UserId): Promise<boolean> {
    return !accounts.isLocalUser(userId) || (await accounts.users.get(reader, userId)) !== undefined
  }

  return {
    reportEvent: (reporter, roomId, eventId, reason) =>
      db.write('report event', async (tx) => {
        const room = await reads.roomById(tx, roomId)
        const member = room && (await reads.membership(tx, room.nid, reporter))
        if (room === undefined || member?.membership !== 'join') throw errors.notFound('No such event')
        const { pdu } = await requireVisibleEvent(tx, reads.visibility, room, reporter, eventId)
        const ids = { room_id: roomId, event_id: eventId, user_id: pdu.sender }
        await insert(tx, { kind: 'event', reporter, ...ids }, reason)
        await media.delivery.reported(tx, { roomNid: room.nid, eventId })
      }),
    reportRoom: (reporter, roomId, reason) =>
      db.write('report room', async (tx) => {
        if ((await reads.roomById(tx, roomId)) === undefined)
          throw errors.notFound('This server does not know that room')
        await insert(tx, { kind: 'room', reporter, room_id: roomId }, reason)
      }),
    reportUser: (reporter, userId, reason) =>
      db.write('report user', async (tx) => {
        if (!isUserId(userId)) throw errors.invalidParam(`${userId} is not a user id`)
        if (!(await isKnown(tx, userId))) return
        await insert(tx, { kind: 'user', reporter, user_id: userId }, reason)
        if (accounts.isLocalUser(userId)) await media.delivery.reported(tx, { userId })
      }),
    list: (filter, page) =>
      db.read(async (reader) => {
        const reports: Report[] = []
        for (const row of await listReportRows(reader, filter, page)) reports.push(await withRoom(reader, row))
        return { reports, total: await countReports(reader, filter) }
      }),
    get: (kind, reportId) =>
      db.read(async (reader) => {
        const row = await getReport(reader, kind, reportId)
        if (row === undefined) throw unknown()
        const event = row.event_id === null ? undefined : await reads.eventById(reader, row.event_id)
        return { report: await withRoom(reader, row), event }
      }),
    delete: async (kind, reportId) => {
      if (!(await db.write('delete report', (tx) => deleteReport(tx, kind, reportId)))) throw unknown()
    },
  }
}
