import { type Expression, type RawBuilder, sql } from 'kysely'
import { contains } from '../db/contains.ts'
import type { Reader } from '../db/database.ts'
import { userFromRow } from './store-users.ts'
import type { User } from './types.ts'

/** An account with what a list of them shows. */
export interface Account extends User {
  readonly displayName: string | undefined
  readonly avatarUrl: string | undefined
  readonly lastSeenTs: number | undefined
}

/** Guests, deactivated and locked accounts are left out where their flag is false. */
export interface AccountFilter {
  readonly guests: boolean
  readonly deactivated: boolean
  readonly locked: boolean
  /** Only administrators, or only the others. */
  readonly admins?: boolean | undefined
  /** A part of the user id. */
  readonly userId?: string | undefined
  /** A part of the user name or of the display name. */
  readonly name?: string | undefined
  /** Ids to leave out. */
  readonly except?: readonly string[] | undefined
}

export const accountOrders = [
  'name',
  'is_guest',
  'admin',
  'user_type',
  'deactivated',
  'displayname',
  'avatar_url',
  'creation_ts',
  'last_seen_ts',
  'locked',
] as const

export type AccountOrder = (typeof accountOrders)[number]

export interface AccountPage {
  readonly offset: number
  readonly limit: number
  readonly order: AccountOrder
  readonly descending: boolean
}

const orderColumns = {
  name: 'u.user_id',
  is_guest: 'u.is_guest',
  admin: 'u.is_admin',
  user_type: 'u.user_type',
  deactivated: 'u.deactivated_ts',
  displayname: 'display_name',
  avatar_url: 'avatar_url',
  creation_ts: 'u.created_ts',
  last_seen_ts: 'last_seen',
  locked: 'u.is_locked',
} as const satisfies Record<AccountOrder, string>

/** The part of a user id before the colon: all accounts are of this server. */
function localpartOf(userId: Expression<string>, serverName: string): RawBuilder<string> {
  return sql<string>`substr(${userId}, 2, length(${userId}) - ${serverName.length + 2})`
}

function matching(reader: Reader, serverName: string, filter: AccountFilter) {
  const { guests, deactivated, locked, admins, userId, name, except = [] } = filter
  return reader.qb
    .selectFrom('users as u')
    .leftJoin('profile_fields as n', (join) =>
      join.onRef('n.user_id', '=', 'u.user_id').on('n.name', '=', 'displayname'),
    )
    .where((eb) =>
      eb.and([
        ...(guests ? [] : [eb('u.is_guest', '=', 0)]),
        ...(deactivated ? [] : [eb('u.deactivated_ts', 'is', null)]),
        ...(locked ? [] : [eb('u.is_locked', '=', 0)]),
        ...(admins === undefined ? [] : [eb('u.is_admin', '=', admins ? 1 : 0)]),
        ...(except.length === 0 ? [] : [eb('u.user_id', 'not in', except)]),
        ...(userId === undefined ? [] : [contains(eb.ref('u.user_id'), userId)]),
        ...(name === undefined
          ? []
          : [eb.or([contains(localpartOf(eb.ref('u.user_id'), serverName), name), contains(eb.ref('n.value'), name)])]),
      ]),
    )
}

export async function listAccounts(
  reader: Reader,
  serverName: string,
  filter: AccountFilter,
  page: AccountPage,
): Promise<Account[]> {
  const rows = await matching(reader, serverName, filter)
    .leftJoin('profile_fields as a', (join) =>
      join.onRef('a.user_id', '=', 'u.user_id').on('a.name', '=', 'avatar_url'),
    )
    .selectAll('u')
    .select(['n.value as display_name', 'a.value as avatar_url'])
    .select((eb) =>
      eb
        .selectFrom('devices as d')
        .whereRef('d.user_id', '=', 'u.user_id')
        .select((sub) => sub.fn.max('d.last_seen_ts').as('ts'))
        .as('last_seen'),
    )
    .orderBy(orderColumns[page.order], page.descending ? 'desc' : 'asc')
    .orderBy('u.user_id')
    .offset(page.offset)
    .limit(page.limit)
    .execute()
  return rows.map((row) => ({
    ...userFromRow(row),
    displayName: textIn(row.display_name),
    avatarUrl: textIn(row.avatar_url),
    lastSeenTs: row.last_seen ?? undefined,
  }))
}

export async function countAccounts(reader: Reader, serverName: string, filter: AccountFilter): Promise<number> {
  const row = await matching(reader, serverName, filter)
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .executeTakeFirstOrThrow()
  return row.n
}

/** Profile fields are JSON. */
function textIn(json: string | null): string | undefined {
  const value: unknown = json === null ? undefined : JSON.parse(json)
  return typeof value === 'string' ? value : undefined
}
