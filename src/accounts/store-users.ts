import type { Selectable } from 'kysely'
import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import type { Schema } from '../db/schema.ts'
import type { UserId } from '../matrix/ids.ts'
import type { User } from './types.ts'

type UserRow = Selectable<Schema['users']>

const byId = prepare((qb, p: { userId: string }) => qb.selectFrom('users').selectAll().where('user_id', '=', p.userId))

export interface StoredUser extends User {
  readonly passwordHash: string | null
}

export function userFromRow(row: UserRow): StoredUser {
  return {
    // Only valid ids are inserted.
    userId: row.user_id as UserId,
    createdTs: row.created_ts,
    isAdmin: row.is_admin === 1,
    isGuest: row.is_guest === 1,
    isLocked: row.is_locked === 1,
    isSuspended: row.is_suspended === 1,
    isDeactivated: row.deactivated_ts !== null,
    isErased: row.is_erased === 1,
    appserviceId: row.appservice_id ?? undefined,
    userType: row.user_type ?? undefined,
    expiresTs: row.expires_ts ?? undefined,
    passwordHash: row.password_hash,
  }
}

export async function getStoredUser(reader: Reader, userId: string): Promise<StoredUser | undefined> {
  const row = await byId.first(reader, { userId })
  return row && userFromRow(row)
}

export interface NewUserRow {
  readonly userId: UserId
  readonly passwordHash: string | undefined
  readonly createdTs: number
  readonly isAdmin: boolean
  readonly isGuest: boolean
  readonly appserviceId: string | undefined
  readonly userType: string | undefined
  readonly expiresTs: number | undefined
}

/** False where the user id is taken. */
export async function insertUser(tx: Tx, user: NewUserRow): Promise<boolean> {
  const result = await tx.qb
    .insertInto('users')
    .values({
      user_id: user.userId,
      password_hash: user.passwordHash ?? null,
      created_ts: user.createdTs,
      is_admin: user.isAdmin ? 1 : 0,
      is_guest: user.isGuest ? 1 : 0,
      is_locked: 0,
      is_suspended: 0,
      deactivated_ts: null,
      is_erased: 0,
      appservice_id: user.appserviceId ?? null,
      user_type: user.userType ?? null,
      expires_ts: user.expiresTs ?? null,
    })
    .onConflict((c) => c.doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

export type UserPatch = Partial<
  Pick<
    UserRow,
    | 'password_hash'
    | 'is_admin'
    | 'is_guest'
    | 'is_locked'
    | 'is_suspended'
    | 'deactivated_ts'
    | 'is_erased'
    | 'user_type'
    | 'expires_ts'
  >
>

/** False where there is no such user. */
export async function updateUser(tx: Tx, userId: string, patch: UserPatch): Promise<boolean> {
  const result = await tx.qb.updateTable('users').set(patch).where('user_id', '=', userId).executeTakeFirst()
  return result.numUpdatedRows === 1n
}

/** Sets the ends of at most some hundred accounts. */
export async function updateEnds(tx: Tx, userIds: readonly string[], expiresTs: number | undefined): Promise<void> {
  await tx.qb
    .updateTable('users')
    .set({ expires_ts: expiresTs ?? null })
    .where('user_id', 'in', userIds)
    .execute()
}

export async function hasPeople(reader: Reader): Promise<boolean> {
  const row = await reader.qb
    .selectFrom('users')
    .select('user_id')
    .where('appservice_id', 'is', null)
    .where('user_type', 'is', null)
    .where('is_guest', '=', 0)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

export async function listUsers(reader: Reader, from: string, limit: number): Promise<User[]> {
  const rows = await reader.qb
    .selectFrom('users')
    .selectAll()
    .where('user_id', '>', from)
    .orderBy('user_id')
    .limit(limit)
    .execute()
  return rows.map(userFromRow)
}
