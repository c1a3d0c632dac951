/** Texts as people write them: a few words stand nearly everywhere, most words hardly anywhere. */
export interface Texts {
  /** A text of about 15 words. */
  next(): string
  /** The words from the most to the least common. */
  readonly words: readonly string[]
}

const VOCABULARY = 30_000

/** The same texts for the same seed. */
export function createTexts(seed = 1): Texts {
  const random = createRandom(seed)
  const words = Array.from({ length: VOCABULARY }, (_, i) => wordOf(i))
  // By the law of Zipf, how often a word stands is inverse to its place in the list.
  const draw = () => words[Math.min(VOCABULARY, Math.floor(VOCABULARY ** random())) - 1] ?? ''
  return {
    words,
    next: () => Array.from({ length: 5 + Math.floor(random() * 20) }, draw).join(' '),
  }
}

function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const SYLLABLES = ['ba', 'de', 'fi', 'go', 'lu', 'ma', 'ne', 'pi', 'ro', 'su', 'ta', 've', 'wi', 'xo', 'zu', 'ka']

/** Two to four syllables: the number of the word in base 16. */
function wordOf(index: number): string {
  let word = ''
  for (let rest = index + 16; rest > 0; rest = Math.floor(rest / 16)) word += SYLLABLES[rest % 16] ?? ''
  return word
}
