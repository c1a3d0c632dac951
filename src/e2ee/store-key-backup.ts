import type { Selectable } from 'kysely'
import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import type { E2eeSchema } from '../db/schema/e2ee.ts'

export type BackupRow = Selectable<E2eeSchema['key_backups']>

interface VersionRef {
  readonly userId: string
  readonly version: number
}

const latest = prepare((qb, p: { userId: string }) =>
  qb.selectFrom('key_backups').selectAll().where('user_id', '=', p.userId).orderBy('version', 'desc'),
)
const updateRow = prepare((qb, p: VersionRef & { etag: number; keyCount: number }) =>
  qb
    .updateTable('key_backups')
    .set({ etag: p.etag, key_count: p.keyCount })
    .where('user_id', '=', p.userId)
    .where('version', '=', p.version),
)

/** All versions that a user ever had, the newest first, deleted ones included. */
export function listBackups(reader: Reader, userId: string): Promise<BackupRow[]> {
  return latest.all(reader, { userId })
}

export async function insertBackup(tx: Tx, row: BackupRow): Promise<void> {
  await tx.qb.insertInto('key_backups').values(row).execute()
}

export async function updateAuthData(tx: Tx, { userId, version }: VersionRef, authData: string): Promise<void> {
  await tx.qb
    .updateTable('key_backups')
    .set({ auth_data: authData })
    .where('user_id', '=', userId)
    .where('version', '=', version)
    .execute()
}

/** Leaves a trace of the version, so that its number is not given again. */
export async function markBackupDeleted(tx: Tx, { userId, version }: VersionRef): Promise<void> {
  await tx.qb
    .updateTable('key_backups')
    .set({ deleted: 1, auth_data: '{}', key_count: 0 })
    .where('user_id', '=', userId)
    .where('version', '=', version)
    .execute()
}

export async function updateBackupCounts(
  tx: Tx,
  { userId, version }: VersionRef,
  counts: { etag: number; keyCount: number },
): Promise<void> {
  await updateRow.run(tx, { userId, version, ...counts })
}

export async function deleteBackups(tx: Tx, userId: string): Promise<void> {
  await tx.qb.deleteFrom('key_backup_sessions').where('user_id', '=', userId).execute()
  await tx.qb.deleteFrom('key_backups').where('user_id', '=', userId).execute()
}
