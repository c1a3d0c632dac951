import type { IndexedText, IndexQuery, SearchIndex } from './index-types.ts'
import { placeWords, wantedPlaces } from './place-words.ts'

/** A `tsvector` with a GIN index. The vectors are written out here, so that both engines know the same words. */
const put = `insert into search_text (stream_pos, words)
  select pos, words::tsvector from unnest($1::bigint[], $2::text[]) as t (pos, words)
  on conflict (stream_pos) do update set words = excluded.words`
const remove = 'delete from search_text where stream_pos = any($1::bigint[])'
const find = `select stream_pos as pos from search_text where words @@ $1::tsquery and stream_pos < $2
  order by stream_pos desc limit $3`

// PostgreSQL keeps no more positions of a word than these.
const maxPositions = 256

/** Words hold letters, marks and numbers alone, so that quotes make them harmless. */
const quote = (word: string) => `'${word}'`
/** No word of a text begins like this. */
const quotePlace = (word: string) => quote(`#${word}`)

/** `'word':1,5 'other':2 '#r7'` */
function vector(text: IndexedText): string {
  const positions = new Map<string, number[]>()
  for (const [i, word] of text.phrases.flat().entries()) {
    const known = positions.get(word)
    if (known === undefined) positions.set(word, [i + 1])
    else if (known.length < maxPositions) known.push(i + 1)
  }
  const words = [...positions].map(([word, at]) => `${quote(word)}:${at.join(',')}`)
  return [...words, ...placeWords(text).map(quotePlace)].join(' ')
}

function expression(query: IndexQuery): string {
  const words = query.phrases.map((phrase) => phrase.map(quote).join(' <-> '))
  const places = wantedPlaces(query).map((any) => any.map(quotePlace).join(' | '))
  return [...words, ...places].map((part) => `(${part})`).join(' & ')
}

export const postgresIndex: SearchIndex = {
  put: async (tx, texts) => {
    await tx.execute(put, [texts.map(({ pos }) => pos), texts.map(vector)])
  },
  remove: async (tx, positions) => {
    await tx.execute(remove, [positions])
  },
  find: async (reader, query) => {
    if (wantedPlaces(query).some((any) => any.length === 0)) return []
    const { rows } = await reader.execute<{ pos: number }>(find, [expression(query), query.below, query.limit])
    return rows.map(({ pos }) => pos)
  },
}
