import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { wordsOf } from './words.ts'

const texts = (text: string) => [...wordsOf(text)].map((word) => word.text)

test('words are told apart, folded and kept in order', () => {
  const cases: [string, string[]][] = [
    ['', []],
    ['... --- "\'*', []],
    ['Hello, WORLD!', ['hello', 'world']],
    ['foo_bar foo-bar', ['foo', 'bar', 'foo', 'bar']],
    ['Crème brûlée Ångström', ['creme', 'brulee', 'angstrom']],
    ['İstanbul ﬁne ℋ', ['istanbul', 'fine', 'h']],
    ['Ёлка Ψυχή Straße', ['елка', 'ψυχη', 'strasse']],
    ['नमस्ते', ['नमस्ते']],
    ['한국어 검색', ['한국어', '검색']],
    ['abc123 1.5', ['abc123', '1', '5']],
  ]
  for (const [text, expected] of cases) assert.deepEqual(texts(text), expected, text)
})

test('letters of scripts without spaces are words that are glued together', () => {
  const words = [...wordsOf('iPhone手機 東京 タワー')]
  assert.deepEqual(
    words.map(({ text, isGlued }) => (isGlued ? `+${text}` : text)),
    ['iphone', '手', '+機', '東', '+京', 'タ', '+ワ', '+ー'],
  )
  assert.equal(words[0]?.written, 'iPhone')
})

test('long words are cut, and a limit holds', () => {
  assert.equal(texts('x'.repeat(1000))[0]?.length, 64)
  assert.equal([...wordsOf('a '.repeat(1000), 10)].length, 10)
})

test('words hold nothing but letters, numbers and marks, and are found in themselves', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (text) => {
      for (const word of texts(text)) {
        assert.match(word, /^[\p{L}\p{N}\p{M}]+$/u)
        assert.deepEqual(texts(word).join(''), word)
      }
    }),
  )
})
