import { type Word, wordsOf } from '../../util/words.ts'

/** Words that stand directly behind each other; mostly one. */
export type Phrase = readonly string[]

/** So many words of an event are searched: more than people write. */
const maxWords = 10_000
/** And so many letters, in UTF-16 code units: PostgreSQL takes 1 MiB of words, and one sign may stand for many letters. */
const maxLetters = 250_000
const maxTerms = 20

/** The words of a text, those together that were written without a gap in a script without spaces. */
export function phrasesOf(words: Iterable<Pick<Word, 'text' | 'isGlued'>>): Phrase[] {
  const phrases: string[][] = []
  for (const { text, isGlued } of words) {
    if (isGlued) phrases.at(-1)?.push(text)
    else phrases.push([text])
  }
  return phrases
}

/** The phrases that an event is found by, with all that it has ever said. */
export function indexedPhrases(texts: readonly string[]): Phrase[] {
  const words: Word[] = []
  let letters = 0
  for (const word of wordsOf(texts.join('\n'), maxWords)) {
    letters += word.text.length
    if (letters > maxLetters) break
    words.push(word)
  }
  return phrasesOf(words)
}

/** What is searched for: the words of the term, whatever else it holds, each once. */
export function searchedPhrases(term: string): Phrase[] {
  const phrases = phrasesOf(wordsOf(term, maxTerms))
  return [...new Map(phrases.map((phrase) => [phrase.join(' '), phrase])).values()]
}

function occurrences(words: readonly Word[], phrase: Phrase): number {
  const [first, ...rest] = phrase
  let count = 0
  for (const [start, word] of words.entries()) {
    if (word.text === first && rest.every((text, i) => words[start + 1 + i]?.text === text)) count += 1
  }
  return count
}

const usualLength = 15

export interface Match {
  /** How well the text matches: more occurrences count for more, in a short text more than in a long one. */
  readonly rank: number
  /** The words that were found, in lower case as they are written there. */
  readonly highlights: readonly string[]
}

/** Undefined where a phrase does not occur in the text. */
export function matchText(text: string, phrases: readonly Phrase[]): Match | undefined {
  const words = [...wordsOf(text, maxWords)]
  const dampening = 1.2 * (0.25 + (0.75 * words.length) / usualLength)
  let rank = 0
  for (const phrase of phrases) {
    const count = occurrences(words, phrase)
    if (count === 0) return undefined
    rank += (count * 2.2) / (count + dampening)
  }
  return { rank, highlights: highlightsOf(words, phrases) }
}

/** Of glued words the whole phrase is one, because clients mark what they are told wherever they find it. */
function highlightsOf(words: readonly Word[], phrases: readonly Phrase[]): string[] {
  const wanted = new Set(phrases.map(([word]) => word))
  const found = new Set<string>()
  for (const [start, word] of words.entries()) {
    if (!wanted.has(word.text)) continue
    for (const phrase of phrases) {
      const stretch = words.slice(start, start + phrase.length)
      if (phrase.every((text, i) => stretch[i]?.text === text)) {
        found.add(stretch.map(({ written }) => written.toLowerCase()).join(''))
      }
    }
  }
  return [...found]
}
