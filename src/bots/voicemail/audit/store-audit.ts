import type { Insertable, Selectable } from 'kysely'
import type { Reader, Tx } from '../../../db/database.ts'
import type { Schema } from '../../../db/schema.ts'

export type AuditEntry = Omit<Insertable<Schema['voicemail_audit']>, 'audit_nid'>

export async function insertAudit(tx: Tx, entry: AuditEntry): Promise<void> {
  await tx.qb.insertInto('voicemail_audit').values(entry).execute()
}

export interface AuditFilter {
  readonly userId?: string | undefined
  readonly roomId?: string | undefined
  /** In ms since 1970; `to` is not included. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  /** Only entries before this number. */
  readonly before?: number | undefined
}

/** What was sent in whose name, the newest first. */
export type AuditRow = Selectable<Schema['voicemail_audit']>

export function listAudit(
  reader: Reader,
  { userId, roomId, from, to, before }: AuditFilter,
  limit: number,
): Promise<AuditRow[]> {
  let query = reader.qb.selectFrom('voicemail_audit').selectAll()
  if (userId !== undefined) query = query.where('user_id', '=', userId)
  if (roomId !== undefined) query = query.where('room_id', '=', roomId)
  if (from !== undefined) query = query.where('ts', '>=', from)
  if (to !== undefined) query = query.where('ts', '<', to)
  if (before !== undefined) query = query.where('audit_nid', '<', before)
  return query.orderBy('audit_nid', 'desc').limit(limit).execute()
}
