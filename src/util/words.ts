/** A word of a text, as it is looked up and as it stands there. */
export interface Word {
  /** Lower case, without accents, at most 64 characters. */
  readonly text: string
  readonly written: string
  /** Follows its predecessor without a gap: a letter of a script that puts no spaces between words. */
  readonly isGlued: boolean
}

const longest = 64
// Scripts without spaces between words: each letter is a word, and what was typed together is looked up as a phrase.
const unspaced =
  '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}ー\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}'
const wordPattern = new RegExp(`([${unspaced}])\\p{M}*|[[\\p{L}\\p{N}\\p{M}]--[${unspaced}]]+`, 'gv')
// biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII
const ascii = /^[\x00-\x7f]*$/

/** Lower case, one form of each letter, without the accents of Latin, Greek and Cyrillic letters. */
export function foldText(text: string): string {
  if (ascii.test(text)) return text.toLowerCase()
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[\u0300-\u036f]/g, '')
    .replaceAll('ß', 'ss')
    .normalize('NFKC')
}

function lookedUp(word: string): string {
  const folded = foldText(word).slice(0, longest)
  // One sign may stand for several, also for punctuation, and the cut may have halved one.
  return ascii.test(folded) && ascii.test(word) ? folded : folded.replace(/[^\p{L}\p{N}\p{M}]/gu, '')
}

/** The words of a text in their order, at most `limit` of them; punctuation and symbols separate. */
export function* wordsOf(text: string, limit = Number.POSITIVE_INFINITY): Generator<Word> {
  let count = 0
  let gluedAt = -1
  for (const match of text.matchAll(wordPattern)) {
    const folded = lookedUp(match[0])
    if (folded === '') continue
    if (count >= limit) return
    count += 1
    yield { text: folded, written: match[0], isGlued: match[1] !== undefined && match.index === gluedAt }
    gluedAt = match[1] === undefined ? -1 : match.index + match[0].length
  }
}
