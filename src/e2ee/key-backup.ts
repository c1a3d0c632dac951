import type { Database, Reader, Tx } from '../db/database.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import { createYielder } from '../util/async.ts'
import { type Nested, putNested } from './nested.ts'
import {
  type BackedUpKey,
  type BackupScope,
  deleteSessions,
  getSession,
  listSessions,
  upsertSession,
} from './store-backup-sessions.ts'
import {
  type BackupRow,
  insertBackup,
  listBackups,
  markBackupDeleted,
  updateAuthData,
  updateBackupCounts,
} from './store-key-backup.ts'

export interface BackupInfo {
  readonly algorithm: string
  readonly auth_data: JsonObject
  readonly count: number
  readonly etag: string
  readonly version: string
}

export interface BackupCounts {
  readonly count: number
  /** Changes whenever a key in the backup does. */
  readonly etag: string
}

/** https://spec.matrix.org/v1.19/client-server-api/#server-side-key-backups. Versions that do not exist are `M_NOT_FOUND`. */
export interface KeyBackup {
  createVersion(userId: string, backup: { algorithm: string; authData: JsonObject }): Promise<string>
  /** Without a version the newest one. */
  getVersion(userId: string, version?: string): Promise<BackupInfo>
  /** Throws `M_INVALID_PARAM` for another algorithm than the version's. */
  updateVersion(userId: string, version: string, backup: { algorithm: string; authData: JsonObject }): Promise<void>
  /** Deleting again what was deleted succeeds. */
  deleteVersion(userId: string, version: string): Promise<void>
  /** Adds keys by room and session to the newest version (else `M_WRONG_ROOM_KEYS_VERSION`); better ones that are there stay. */
  putKeys(userId: string, version: string, keys: Nested<BackedUpKey>): Promise<BackupCounts>
  listKeys(userId: string, version: string, scope: BackupScope): Promise<Nested<BackedUpKey>>
  getKey(userId: string, version: string, roomId: string, sessionId: string): Promise<BackedUpKey>
  deleteKeys(userId: string, version: string, scope: BackupScope): Promise<BackupCounts>
}

const pageSize = 500

/** Whether a key should take the place of the one that the backup has. */
export function isBetterKey(candidate: BackedUpKey, current: BackedUpKey): boolean {
  if (candidate.isVerified !== current.isVerified) return candidate.isVerified
  if (candidate.firstMessageIndex !== current.firstMessageIndex) {
    return candidate.firstMessageIndex < current.firstMessageIndex
  }
  return candidate.forwardedCount < current.forwardedCount
}

export function createKeyBackup({ db }: { db: Database }): KeyBackup {
  return {
    createVersion: (userId, { algorithm, authData }) =>
      db.write('create key backup', async (tx) => {
        const version = ((await listBackups(tx, userId))[0]?.version ?? 0) + 1
        await insertBackup(tx, {
          user_id: userId,
          version,
          algorithm,
          auth_data: JSON.stringify(authData),
          etag: 0,
          key_count: 0,
          deleted: 0,
        })
        return String(version)
      }),
    getVersion: (userId, version) => db.read(async (reader) => toInfo(await requireBackup(reader, userId, version))),
    updateVersion: (userId, version, { algorithm, authData }) =>
      db.write('update key backup', async (tx) => {
        const backup = await requireBackup(tx, userId, version)
        if (backup.algorithm !== algorithm) throw errors.invalidParam('The algorithm of a backup cannot be changed')
        await updateAuthData(tx, refOf(backup), JSON.stringify(authData))
      }),
    deleteVersion: (userId, version) =>
      db.write('delete key backup', async (tx) => {
        const backup = (await listBackups(tx, userId)).find((row) => String(row.version) === version)
        if (!backup) throw unknownVersion()
        await deleteSessions(tx, refOf(backup), {})
        await markBackupDeleted(tx, refOf(backup))
      }),
    putKeys: (userId, version, keys) => db.write('back up keys', (tx) => putKeys(tx, userId, version, keys)),
    listKeys: (userId, version, scope) => db.read((reader) => readKeys(reader, userId, version, scope)),
    getKey: (userId, version, roomId, sessionId) =>
      db.read(async (reader) => {
        const backup = await requireBackup(reader, userId, version)
        const key = await getSession(reader, refOf(backup), roomId, sessionId)
        if (!key) throw errors.notFound('The backup has no such key')
        return key
      }),
    deleteKeys: (userId, version, scope) =>
      db.write('delete backed up keys', async (tx) => {
        const backup = await requireBackup(tx, userId, version)
        const deleted = await deleteSessions(tx, refOf(backup), scope)
        return saveCounts(tx, backup, { added: -deleted, isChanged: deleted > 0 })
      }),
  }
}

async function putKeys(tx: Tx, userId: string, version: string, keys: Nested<BackedUpKey>): Promise<BackupCounts> {
  const backup = await requireBackup(tx, userId)
  if (String(backup.version) !== version) throw errors.wrongRoomKeysVersion(String(backup.version))
  let added = 0
  let isChanged = false
  const pause = createYielder()
  for (const [roomId, sessions] of keys) {
    for (const [sessionId, key] of sessions) {
      await pause()
      const current = await getSession(tx, refOf(backup), roomId, sessionId)
      if (current && !isBetterKey(key, current)) continue
      await upsertSession(tx, refOf(backup), { ...key, roomId, sessionId })
      isChanged = true
      if (!current) added++
    }
  }
  return saveCounts(tx, backup, { added, isChanged })
}

async function readKeys(
  reader: Reader,
  userId: string,
  version: string,
  scope: BackupScope,
): Promise<Nested<BackedUpKey>> {
  const backup = await requireBackup(reader, userId, version)
  const found: Nested<BackedUpKey> = new Map()
  const pause = createYielder()
  let after: { roomId: string; sessionId: string } | undefined
  for (;;) {
    const page = await listSessions(reader, refOf(backup), scope, { after, limit: pageSize })
    for (const session of page) putNested(found, session.roomId, session.sessionId, session)
    after = page.at(-1)
    if (page.length < pageSize) return found
    await pause()
  }
}

async function saveCounts(
  tx: Tx,
  backup: BackupRow,
  change: { added: number; isChanged: boolean },
): Promise<BackupCounts> {
  const etag = backup.etag + (change.isChanged ? 1 : 0)
  const keyCount = backup.key_count + change.added
  if (change.isChanged) await updateBackupCounts(tx, refOf(backup), { etag, keyCount })
  return { etag: String(etag), count: keyCount }
}

/** The version, or the newest one where none is named. */
async function requireBackup(reader: Reader, userId: string, version?: string): Promise<BackupRow> {
  const backup = (await listBackups(reader, userId)).find(
    (row) => row.deleted === 0 && (version === undefined || String(row.version) === version),
  )
  if (!backup) throw unknownVersion()
  return backup
}

function unknownVersion(): Error {
  return errors.notFound('There is no such backup version')
}

function refOf(backup: BackupRow): { userId: string; version: number } {
  return { userId: backup.user_id, version: backup.version }
}

function toInfo(backup: BackupRow): BackupInfo {
  return {
    algorithm: backup.algorithm,
    auth_data: JSON.parse(backup.auth_data),
    count: backup.key_count,
    etag: String(backup.etag),
    version: String(backup.version),
  }
}
