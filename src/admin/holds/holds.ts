import type { Accounts } from '../../accounts/accounts.ts'
import type { Database, Reader } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import { isUserId, type UserId } from '../../matrix/ids.ts'
import { parseMxc } from '../../matrix/mxc.ts'
import type { HoldKind } from '../../media/delivery/holds.ts'
import type { Media } from '../../media/media.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import type { Log } from '../../util/log.ts'

/** What a legal hold is about: everything that fits all that is given. Times in ms since 1970. */
export interface HoldRequest {
  readonly userId?: string | undefined
  readonly roomId?: string | undefined
  readonly mxc?: string | undefined
  /** When it was uploaded: from, and before. */
  readonly fromTs?: number | undefined
  readonly untilTs?: number | undefined
  readonly expiresTs?: number | undefined
  readonly note?: string | undefined
}

export interface Hold extends HoldRequest {
  readonly holdId: number
  readonly kind: string
  readonly createdTs: number
  readonly createdBy: string | undefined
  readonly releasedTs: number | undefined
  readonly releasedBy: string | undefined
}

/** Media that must not be deleted, for courts and investigations. Each step is in the log, with `audit`. */
export interface LegalHolds {
  /** Returns the hold's number. Throws `400 M_INVALID_PARAM` where it names nothing or somebody from elsewhere, `404 M_NOT_FOUND` for unknown rooms and media. */
  create(by: UserId, hold: HoldRequest): Promise<number>
  list(
    filter: { kind?: HoldKind | undefined; active: boolean },
    page: { from: number; limit: number },
  ): Promise<{ holds: Hold[]; total: number }>
  /** From then on the clocks go on. Throws `404 M_NOT_FOUND` where there is no such hold, no longer, or it is a quarantine. */
  release(by: UserId, holdId: number): Promise<void>
}

interface Deps {
  readonly db: Database
  readonly log: Log
  readonly accounts: Pick<Accounts, 'isLocalUser'>
  readonly media: Pick<Media, 'delivery'>
  readonly rooms: Pick<Rooms, 'reads'>
}

export function createLegalHolds({ db, log, accounts, media: { delivery }, rooms: { reads } }: Deps): LegalHolds {
  async function resolve(reader: Reader, { roomId, mxc }: HoldRequest) {
    const room = roomId === undefined ? undefined : await reads.roomById(reader, roomId)
    if (roomId !== undefined && room === undefined) throw errors.notFound('This server does not know that room')
    const ref = mxc === undefined ? undefined : parseMxc(mxc)
    if (mxc !== undefined && ref === undefined) throw errors.invalidParam(`${mxc} is no mxc: URI`)
    const mediaNid = ref && (await delivery.mediaNid(reader, ref))
    if (ref && mediaNid === undefined) throw errors.notFound('This server does not have that media')
    return { roomNid: room?.nid, mediaNid }
  }

  return {
    create: async (by, hold) => {
      const { userId, mxc, fromTs, untilTs, expiresTs, note } = hold
      const given = [userId, hold.roomId, mxc, fromTs, untilTs]
      if (given.every((value) => value === undefined)) throw errors.invalidParam('A hold is about something')
      if (mxc !== undefined && given.filter((value) => value !== undefined).length > 1) {
        throw errors.invalidParam('A hold is about one piece of media, or about all that fits')
      }
      if (userId !== undefined && !(isUserId(userId) && accounts.isLocalUser(userId))) {
        throw errors.invalidParam('Who uploaded files of other servers is not known here: hold them by mxc')
      }
      const holdId = await db.write('hold media', async (tx) => {
        const found = await resolve(tx, hold)
        const criteria = { userId, fromTs, untilTs, ...found }
        return delivery.holdAll(tx, { kind: 'legal', ...criteria, note, expiresTs, createdBy: by })
      })
      log.info({ audit: 'hold created', hold: holdId, by, about: hold }, 'an administrator holds media')
      return holdId
    },
    list: (filter, page) =>
      db.read(async (reader) => {
        const { holds, total } = await delivery.listHolds(reader, filter, page)
        const found: Hold[] = []
        for (const row of holds) {
          const room = row.room_nid === null ? undefined : await reads.roomByNid(reader, row.room_nid)
          const { origin, media_id: mediaId } = row
          found.push({
            holdId: row.hold_nid,
            kind: row.kind,
            userId: row.user_id ?? undefined,
            roomId: room?.roomId,
            mxc: origin === null || mediaId === null ? undefined : `mxc://${origin}/${mediaId}`,
            fromTs: row.from_ts ?? undefined,
            untilTs: row.until_ts ?? undefined,
            expiresTs: row.expires_ts ?? undefined,
            note: row.note ?? undefined,
            createdTs: row.created_ts,
            createdBy: row.created_by ?? undefined,
            releasedTs: row.released_ts ?? undefined,
            releasedBy: row.released_by ?? undefined,
          })
        }
        return { holds: found, total }
      }),
    release: async (by, holdId) => {
      const isReleased = await db.write('release hold', (tx) => delivery.releaseHold(tx, holdId, by))
      if (!isReleased) throw errors.notFound('There is no such hold')
      log.info({ audit: 'hold released', hold: holdId, by }, 'an administrator releases media')
    },
  }
}
