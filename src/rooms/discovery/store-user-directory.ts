import type { Reader, Tx } from '../../db/database.ts'
import { prepare } from '../../db/prepare.ts'

export interface DirectoryRow {
  readonly user_id: string
  readonly display_name: string | null
  readonly avatar_url: string | null
}

const entry = prepare((qb, p: { userId: string }) =>
  qb.selectFrom('user_directory').selectAll().where('user_id', '=', p.userId),
)

export function getDirectoryEntry(reader: Reader, userId: string): Promise<DirectoryRow | undefined> {
  return entry.first(reader, { userId })
}

export async function putDirectoryEntry(tx: Tx, row: DirectoryRow, words: readonly string[]): Promise<void> {
  await deleteDirectoryEntry(tx, row.user_id)
  await tx.qb.insertInto('user_directory').values(row).execute()
  await tx.qb
    .insertInto('user_directory_words')
    .values(words.map((word) => ({ word, user_id: row.user_id })))
    .execute()
}

export async function deleteDirectoryEntry(tx: Tx, userId: string): Promise<void> {
  await tx.qb.deleteFrom('user_directory').where('user_id', '=', userId).execute()
  await tx.qb.deleteFrom('user_directory_words').where('user_id', '=', userId).execute()
}

/** Beyond everything that begins with the same letters. */
const lastLetter = '\u{10ffff}'

/**
 * Users other than `exceptUserId` with a word that begins with each of the terms; first those for whom the first term is a
 * whole word, then those with a name, then by id.
 */
export async function listDirectoryMatches(
  reader: Reader,
  terms: readonly string[],
  exceptUserId: string,
  limit: number,
): Promise<DirectoryRow[]> {
  let query = reader.qb.selectFrom('user_directory as d').selectAll('d').where('d.user_id', '!=', exceptUserId)
  for (const term of terms) {
    query = query.where('d.user_id', 'in', (eb) =>
      eb
        .selectFrom('user_directory_words')
        .select('user_id')
        .where('word', '>=', term)
        .where('word', '<', term + lastLetter),
    )
  }
  return query
    .orderBy((eb) =>
      eb
        .case()
        .when(
          eb.exists(
            eb
              .selectFrom('user_directory_words as w')
              .select('w.word')
              .whereRef('w.user_id', '=', 'd.user_id')
              .where('w.word', '=', terms[0] ?? ''),
          ),
        )
        .then(0)
        .when('d.display_name', 'is not', null)
        .then(1)
        .else(2)
        .end(),
    )
    .orderBy('d.user_id')
    .limit(limit)
    .execute()
}

/** Those of the users who are joined to an open room. */
export async function listInOpenRooms(reader: Reader, userIds: readonly string[]): Promise<string[]> {
  const rows = await reader.qb
    .selectFrom('memberships as m')
    .innerJoin('open_rooms as o', 'o.room_nid', 'm.room_nid')
    .select('m.user_id')
    .distinct()
    .where('m.user_id', 'in', userIds)
    .where('m.membership', '=', 'join')
    .execute()
  return rows.map((row) => row.user_id)
}

export async function putOpenRoom(tx: Tx, roomNid: number, isOpen: boolean): Promise<void> {
  await (isOpen
    ? tx.qb
        .insertInto('open_rooms')
        .values({ room_nid: roomNid })
        .onConflict((c) => c.doNothing())
        .execute()
    : tx.qb.deleteFrom('open_rooms').where('room_nid', '=', roomNid).execute())
}
