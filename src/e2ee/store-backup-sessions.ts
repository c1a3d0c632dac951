import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'

interface VersionRef {
  readonly userId: string
  readonly version: number
}

/** A session's key in a backup, as the client encrypted it. */
export interface BackedUpKey {
  readonly firstMessageIndex: number
  readonly forwardedCount: number
  readonly isVerified: boolean
  /** JSON */
  readonly sessionData: string
}

export interface BackupSession extends BackedUpKey {
  readonly roomId: string
  readonly sessionId: string
}

/** What part of a backup is meant: all of it, a room or a session. */
export interface BackupScope {
  readonly roomId?: string
  readonly sessionId?: string
}

const columns = [
  'room_id',
  'session_id',
  'first_message_index',
  'forwarded_count',
  'is_verified',
  'session_data',
] as const

type SessionRow = {
  room_id: string
  session_id: string
  first_message_index: number
  forwarded_count: number
  is_verified: number
  session_data: string
}

const one = prepare((qb, p: VersionRef & { roomId: string; sessionId: string }) =>
  qb
    .selectFrom('key_backup_sessions')
    .select(columns)
    .where('user_id', '=', p.userId)
    .where('version', '=', p.version)
    .where('room_id', '=', p.roomId)
    .where('session_id', '=', p.sessionId),
)
const put = prepare((qb, p: VersionRef & SessionRow) =>
  qb
    .insertInto('key_backup_sessions')
    .values({
      user_id: p.userId,
      version: p.version,
      room_id: p.room_id,
      session_id: p.session_id,
      first_message_index: p.first_message_index,
      forwarded_count: p.forwarded_count,
      is_verified: p.is_verified,
      session_data: p.session_data,
    })
    .onConflict((c) =>
      c.columns(['user_id', 'version', 'room_id', 'session_id']).doUpdateSet((eb) => ({
        first_message_index: eb.ref('excluded.first_message_index'),
        forwarded_count: eb.ref('excluded.forwarded_count'),
        is_verified: eb.ref('excluded.is_verified'),
        session_data: eb.ref('excluded.session_data'),
      })),
    ),
)

function fromRow(row: SessionRow): BackupSession {
  return {
    roomId: row.room_id,
    sessionId: row.session_id,
    firstMessageIndex: row.first_message_index,
    forwardedCount: row.forwarded_count,
    isVerified: row.is_verified === 1,
    sessionData: row.session_data,
  }
}

export async function getSession(
  reader: Reader,
  backup: VersionRef,
  roomId: string,
  sessionId: string,
): Promise<BackupSession | undefined> {
  const row = await one.first(reader, { ...backup, roomId, sessionId })
  return row && fromRow(row)
}

export async function upsertSession(tx: Tx, backup: VersionRef, session: BackupSession): Promise<void> {
  await put.run(tx, {
    ...backup,
    room_id: session.roomId,
    session_id: session.sessionId,
    first_message_index: session.firstMessageIndex,
    forwarded_count: session.forwardedCount,
    is_verified: session.isVerified ? 1 : 0,
    session_data: session.sessionData,
  })
}

/** Up to `limit` sessions in the order of room and session ids, from behind `after` on. */
export async function listSessions(
  reader: Reader,
  { userId, version }: VersionRef,
  scope: BackupScope,
  page: { after: { roomId: string; sessionId: string } | undefined; limit: number },
): Promise<BackupSession[]> {
  let query = reader.qb
    .selectFrom('key_backup_sessions')
    .select(columns)
    .where('user_id', '=', userId)
    .where('version', '=', version)
  if (scope.roomId !== undefined) query = query.where('room_id', '=', scope.roomId)
  const { after } = page
  if (after) {
    query = query.where((eb) => eb(eb.refTuple('room_id', 'session_id'), '>', eb.tuple(after.roomId, after.sessionId)))
  }
  const rows = await query.orderBy('room_id').orderBy('session_id').limit(page.limit).execute()
  return rows.map(fromRow)
}

/** Returns how many there were. */
export async function deleteSessions(tx: Tx, { userId, version }: VersionRef, scope: BackupScope): Promise<number> {
  let query = tx.qb.deleteFrom('key_backup_sessions').where('user_id', '=', userId).where('version', '=', version)
  if (scope.roomId !== undefined) query = query.where('room_id', '=', scope.roomId)
  if (scope.sessionId !== undefined) query = query.where('session_id', '=', scope.sessionId)
  return Number((await query.executeTakeFirst()).numDeletedRows)
}
