import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { wordsOf } from '../../util/words.ts'
import { matchText, phrasesOf, searchedPhrases } from './phrases.ts'

test('a term is its words, each once, and glued letters are one phrase', () => {
  assert.deepEqual(searchedPhrases('one "two" ONE -two'), [['one'], ['two']])
  assert.deepEqual(searchedPhrases('東京 tower'), [['東', '京'], ['tower']])
  assert.deepEqual(searchedPhrases(' *"&|! '), [])
  assert.equal(searchedPhrases(Array.from({ length: 100 }, (_, i) => `w${i}`).join(' ')).length, 20)
})

test('a text matches when it has every phrase; more of them in less text rank higher', () => {
  const rank = (text: string, term: string) => matchText(text, searchedPhrases(term))?.rank ?? 0
  assert.equal(rank('one two', 'one three'), 0)
  assert.ok(rank('one one', 'one') > rank('one two', 'one'))
  assert.ok(rank('one', 'one') > rank('one and many other words', 'one'))
  assert.ok(rank('one two', 'one two') > rank('one two', 'one'))
  assert.equal(rank('京東', '東京'), 0)
})

test('highlights are the words as they are written', () => {
  const highlights = (text: string, term: string) => matchText(text, searchedPhrases(term))?.highlights
  assert.deepEqual(highlights('Crème CREME creme', 'crême'), ['crème', 'creme'])
  assert.deepEqual(highlights('in 東京 and 東', '東京'), ['東京'])
  assert.deepEqual(highlights('a b', 'c'), undefined)
})

test('every text is found by any of its words', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.nat(), (text, n) => {
      const words = [...wordsOf(text)]
      const word = words[n % Math.max(1, words.length)]
      if (word !== undefined) assert.ok((matchText(text, phrasesOf([{ ...word, isGlued: false }]))?.rank ?? 0) > 0)
    }),
  )
})
