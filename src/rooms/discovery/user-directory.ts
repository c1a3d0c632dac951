import type { Database, Reader } from '../../db/database.ts'
import type { UserId } from '../../matrix/ids.ts'
import { createYielder } from '../../util/async.ts'
import { foldText, wordsOf } from '../../util/words.ts'
import { filterSharingRoom } from '../sharing.ts'
import { type DirectoryRow, listDirectoryMatches, listInOpenRooms } from './store-user-directory.ts'

export interface FoundUsers {
  results: { user_id: string; display_name?: string; avatar_url?: string }[]
  /** Whether there are more than asked for. */
  limited: boolean
}

/**
 * Users of this server by the beginnings of words of their names, or of their whole id: those who share a room with the
 * searcher or are in a room that anybody may join or read. The searcher is never among them.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3user_directorysearch
 */
export type SearchUsers = (userId: UserId, term: string, limit: number) => Promise<FoundUsers>

const maxTerms = 6
/** Of more matches only the first are looked through. */
const maxMatches = 2000
const chunk = 100

function termsOf(search: string): string[] {
  const text = search.trim()
  if (text.startsWith('@')) return [foldText(text)]
  return [...wordsOf(text, maxTerms)].map((word) => word.text)
}

async function filterVisible(reader: Reader, userId: UserId, rows: readonly DirectoryRow[]): Promise<DirectoryRow[]> {
  const ids = rows.map((row) => row.user_id)
  const visible = new Set(await listInOpenRooms(reader, ids))
  const others = ids.filter((id) => !visible.has(id))
  for (const id of await filterSharingRoom(reader, userId, others)) visible.add(id)
  return rows.filter((row) => visible.has(row.user_id))
}

export function createUserSearch({ db }: { readonly db: Database }): SearchUsers {
  return async (userId, search, limit) => {
    const terms = termsOf(search)
    if (terms.length === 0) return { results: [], limited: false }
    return db.read(async (reader) => {
      const matches = await listDirectoryMatches(reader, terms, userId, maxMatches)
      const pause = createYielder()
      const found: DirectoryRow[] = []
      for (let i = 0; i < matches.length && found.length <= limit; i += chunk) {
        found.push(...(await filterVisible(reader, userId, matches.slice(i, i + chunk))))
        await pause()
      }
      return {
        results: found.slice(0, limit).map((row) => ({
          user_id: row.user_id,
          ...(row.display_name === null ? {} : { display_name: row.display_name }),
          ...(row.avatar_url === null ? {} : { avatar_url: row.avatar_url }),
        })),
        limited: found.length > limit || matches.length === maxMatches,
      }
    })
  }
}
