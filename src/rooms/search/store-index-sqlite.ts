import type { IndexQuery, SearchIndex } from './index-types.ts'
import { placeWords, wantedPlaces } from './place-words.ts'

/** FTS5: https://www.sqlite.org/fts5.html */
const put = 'insert or replace into search_text (rowid, words, place) values (?, ?, ?)'
const remove = 'delete from search_text where rowid = ?'
const find = `select rowid as pos from search_text where search_text match ? and rowid < ?
  order by rowid desc limit ?`

/** Words hold letters, marks and numbers alone, so that quotes make them harmless. */
const quote = (words: readonly string[]) => `"${words.join(' ')}"`

function expression(query: IndexQuery): string {
  const words = `words : (${query.phrases.map(quote).join(' AND ')})`
  const places = wantedPlaces(query).map((any) => `place : (${any.map((word) => quote([word])).join(' OR ')})`)
  return [words, ...places].join(' AND ')
}

export const sqliteIndex: SearchIndex = {
  put: async (tx, texts) => {
    for (const text of texts)
      await tx.execute(put, [text.pos, text.phrases.flat().join(' '), placeWords(text).join(' ')])
  },
  remove: async (tx, positions) => {
    for (const pos of positions) await tx.execute(remove, [pos])
  },
  find: async (reader, query) => {
    if (wantedPlaces(query).some((any) => any.length === 0)) return []
    const { rows } = await reader.execute<{ pos: number }>(find, [expression(query), query.below, query.limit])
    return rows.map(({ pos }) => pos)
  },
}
