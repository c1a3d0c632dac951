import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeEntities } from './html-entities.ts'
import { htmlTokens } from './html-tokens.ts'

/** Tokens in short: `<name a=b>`, `</name>` and texts. */
function short(html: string): string[] {
  return [...htmlTokens(html)].map((token) => {
    if (token.kind === 'text') return token.text
    if (token.kind === 'close') return `</${token.name}>`
    return `<${[token.name, ...[...token.attributes].map(([key, value]) => `${key}=${value}`)].join(' ')}>`
  })
}

test('markup is taken apart', () => {
  const cases: [html: string, tokens: string[]][] = [
    ['a<b>c</b>d', ['a', '<b>', 'c', '</b>', 'd']],
    ['<META Property="og:title" Content=\'A &amp; "B"\'>', ['<meta property=og:title content=A & "B">']],
    ['<a href=x/y class = "z" hidden/>t', ['<a href=x/y class=z hidden=>', 't']],
    ['<!doctype html><!-- <b> --><p>', ['<p>']],
    ['<script>"<b>" && x</script><i>', ['<script>', '</script>', '<i>']],
    ['<title>A <b> &#x263a;</TITLE >x', ['<title>', 'A <b> ☺', '</title>', 'x']],
    ['1 < 2 <3', ['1 ', '<', ' 2 ', '<', '3']],
    ['<a b="unfinished', ['<a b=unfinished>']],
    ['<script>never ends', ['<script>']],
    ['<!-- never ends', []],
    ['<p a=1 a=2 =3>', ['<p a=1 =3=>']],
    ['</>x</ b>y', ['x', 'y']],
  ]
  for (const [html, tokens] of cases) assert.deepEqual(short(html), tokens, html)
})

test('character references are replaced', () => {
  const cases = [
    ['&lt;&GT;&eacute;&Eacute;&nbsp;', '<&GT;éÉ\u00a0'],
    ['&#65;&#x42;&#0;&#xd800;&#x110000;&#9999999;', 'AB\ufffd\ufffd\ufffd\ufffd'],
    ['a&b &unknown; &amp &#; &;', 'a&b &unknown; & &#; &;'],
  ] as const
  for (const [text, decoded] of cases) assert.equal(decodeEntities(text), decoded)
})

test('no text makes it fail, or produce more than it was given', () => {
  const pieces = fc.constantFrom(
    '<',
    '>',
    '</',
    '<!--',
    '-->',
    '"',
    "'",
    '=',
    ' ',
    'a',
    '<a',
    '<script>',
    '<title>',
    '&',
    'İ',
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
      const html = parts.join('')
      const tokens = [...htmlTokens(html)]
      const length = tokens.reduce((sum, token) => sum + (token.kind === 'text' ? token.text.length : 1), 0)
      assert.ok(length <= html.length)
    }),
  )
})

test('texts that are made to be slow are not', () => {
  const million = 1_000_000
  for (const piece of [
    '<',
    '<a ',
    '<!--',
    '<script>',
    '</',
    '<a b="',
    '<a b=',
    '<title>',
    '&',
    '&#',
    '<a\n',
    'a=',
    '="',
  ]) {
    const html = piece.repeat(million / piece.length)
    let count = 0
    for (const _ of htmlTokens(html)) count++
    assert.ok(count <= html.length)
  }
})
